package kinesis

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/weirhub/weir/broker"
)

// apiError is an exception of the API, by the name of its shape in the service model.
type apiError struct {
	Type    string
	Message string
	Status  int
}

func (e *apiError) Error() string { return e.Type + ": " + e.Message }

func exception(kind, format string, args ...any) *apiError {
	return &apiError{kind, fmt.Sprintf(format, args...), http.StatusBadRequest}
}

func validation(format string, args ...any) *apiError {
	return exception("ValidationException", format, args...)
}

func invalidArgument(format string, args ...any) *apiError {
	return exception("InvalidArgumentException", format, args...)
}

func notFound(stream string) *apiError {
	return exception("ResourceNotFoundException", "Stream %s under account %s not found.", stream, account)
}

// translate turns an error of the broker into the API's. It is the one place that does.
func translate(err error) *apiError {
	var api *apiError
	switch {
	case errors.As(err, &api):
		return api
	case errors.Is(err, broker.ErrTopicExists):
		return exception("ResourceInUseException", "%v", err)
	case errors.Is(err, broker.ErrUnknownTopic), errors.Is(err, broker.ErrUnknownPartition):
		return exception("ResourceNotFoundException", "%v", err)
	case errors.Is(err, broker.ErrInvalidTopic), errors.Is(err, broker.ErrInvalidPartition), errors.Is(err, broker.ErrTooLarge):
		return invalidArgument("%v", err)
	case errors.Is(err, broker.ErrTooMany):
		return exception("LimitExceededException", "%v", err)
	}
	return &apiError{"InternalFailure", err.Error(), http.StatusInternalServerError}
}

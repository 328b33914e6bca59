package kinesis

import (
	"net/http"
	"strings"
)

// account is the one account there is, as with other local stand-ins for AWS.
const account = "000000000000"

// credential is what a request's Signature Version 4 says of its sender
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html).
type credential struct {
	accessKey string
	region    string
}

const algorithm = "AWS4-HMAC-SHA256"

// parseAuthorization reads the scope of the Authorization header. The signature itself is not checked: there are no users
// whose secret it could be checked against.
func parseAuthorization(h http.Header) (credential, *apiError) {
	auth := h.Get("Authorization")
	if auth == "" {
		e := exception("MissingAuthenticationTokenException", "Missing Authentication Token")
		e.Status = http.StatusForbidden
		return credential{}, e
	}
	incomplete := func(what string) *apiError {
		e := exception("IncompleteSignatureException", "Authorization header requires %s.", what)
		e.Status = http.StatusForbidden
		return e
	}
	rest, ok := strings.CutPrefix(auth, algorithm)
	if !ok {
		return credential{}, incomplete("the algorithm " + algorithm)
	}
	parts := map[string]string{}
	for p := range strings.SplitSeq(rest, ",") {
		if k, v, ok := strings.Cut(strings.TrimSpace(p), "="); ok {
			parts[k] = v
		}
	}
	for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
		if parts[name] == "" {
			return credential{}, incomplete("'" + name + "' parameter")
		}
	}
	if h.Get("X-Amz-Date") == "" && h.Get("Date") == "" {
		return credential{}, incomplete("existence of either a 'X-Amz-Date' or a 'Date' header")
	}
	scope := strings.Split(parts["Credential"], "/")
	if n := len(scope); n < 5 || scope[n-1] != "aws4_request" || scope[n-2] != "kinesis" {
		return credential{}, incomplete("a credential of the form KEY/DATE/REGION/kinesis/aws4_request")
	}
	n := len(scope)
	return credential{accessKey: strings.Join(scope[:n-4], "/"), region: scope[n-3]}, nil
}

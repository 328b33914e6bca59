package kafka

import (
	"regexp"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker/txn"
)

// ListTransactions, 0-2 (KIP-664).
//
//	v1  a filter by the open transaction's age (KIP-994)
//	v2  a filter by a pattern of the transactional id (KIP-1152)
func (s *Server) listTransactions(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.ListTransactionsRequest)
	resp := kmsg.NewPtrListTransactionsResponse()
	f := txn.Filter{ProducerIDs: req.ProducerIDFilters, LongerThan: -1}
	for _, name := range req.StateFilters {
		if txn.KnownState(name) {
			f.States = append(f.States, name)
		} else {
			resp.UnknownStateFilters = append(resp.UnknownStateFilters, name)
		}
	}
	if req.Version >= 1 && req.DurationFilterMillis >= 0 {
		f.LongerThan = time.Duration(req.DurationFilterMillis) * time.Millisecond
	}
	if p := req.TransactionalIDPattern; req.Version >= 2 && p != nil && *p != "" {
		re, err := regexp.Compile("^(?:" + *p + ")$")
		if err != nil {
			resp.ErrorCode = kerr.InvalidRegularExpression.Code
			return resp, nil
		}
		f.Matches = re.MatchString
	}
	co, code := s.coordinatorsFor(c)
	if code != 0 {
		resp.ErrorCode = code
		return resp, nil
	}
	if len(req.StateFilters) > 0 && len(f.States) == 0 {
		return resp, nil // only states that do not exist were asked for
	}
	resp.TransactionStates = co.txns.List(c.ctx, f)
	return resp, nil
}

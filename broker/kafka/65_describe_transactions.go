package kafka

import "github.com/twmb/franz-go/pkg/kmsg"

// DescribeTransactions, 0 (KIP-664).
func (s *Server) describeTransactions(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.DescribeTransactionsRequest)
	resp := kmsg.NewPtrDescribeTransactionsResponse()
	co, code := s.coordinatorsFor(c)
	for _, id := range req.TransactionalIDs {
		t := kmsg.NewDescribeTransactionsResponseTransactionState()
		t.TransactionalID, t.ErrorCode = id, code
		if code == 0 {
			t = co.txns.Describe(c.ctx, id)
		}
		resp.TransactionStates = append(resp.TransactionStates, t)
	}
	return resp, nil
}

package kafka

import (
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeCluster, 0-2 (KIP-700).
//
//	v1  endpoints of brokers (1) or of controllers (KIP-919); this listener serves brokers
//	v2  fenced brokers (KIP-1073); there are none
func (s *Server) describeCluster(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.DescribeClusterRequest)
	resp := kmsg.NewPtrDescribeClusterResponse()
	resp.ClusterAuthorizedOperations = math.MinInt32
	resp.EndpointType = 1
	if req.Version >= 1 && req.EndpointType != 1 {
		resp.EndpointType = req.EndpointType
		resp.ErrorCode = kerr.MismatchedEndpointType.Code
		resp.ErrorMessage = kmsg.StringPtr("The request was sent to an endpoint of brokers.")
		return resp, nil
	}
	resp.ClusterID, resp.ControllerID = s.b.ClusterID(), s.b.NodeID()
	if req.IncludeClusterAuthorizedOperations {
		resp.ClusterAuthorizedOperations = clusterOperations
	}
	b := kmsg.NewDescribeClusterResponseBroker()
	b.NodeID, b.Host, b.Port = s.b.NodeID(), c.host, c.port
	resp.Brokers = append(resp.Brokers, b)
	return resp, nil
}

package kafka

import "github.com/twmb/franz-go/pkg/kmsg"

// api is one row of the table: what of one API key is served. A version between min and max is served whole; what is
// not in the table is not advertised, and a request for it closes its connection as Kafka does.
type api struct {
	key      int16
	name     string
	min, max int16
	handle   func(s *Server, c *call) (kmsg.Response, error)
}

// table is the whole of what this broker answers. ApiVersions, the in-process path and the documentation read it.
//
// It is a function and not a variable because handlers read it through their Server.
func table() []api {
	return []api{
		{0, "Produce", 3, 13, (*Server).produce},
		{1, "Fetch", 4, 18, (*Server).fetch},
		{2, "ListOffsets", 1, 11, (*Server).listOffsets},
		{3, "Metadata", 0, 13, (*Server).metadata},
		{18, "ApiVersions", 0, 4, (*Server).apiVersions},
		{19, "CreateTopics", 2, 7, (*Server).createTopics},
		{20, "DeleteTopics", 1, 6, (*Server).deleteTopics},
		{22, "InitProducerId", 0, 5, (*Server).initProducerID},
	}
}

// keyProduce is the only key that the connection treats apart: see conn.begin.
const keyProduce = 0

const keyAPIVersions = 18

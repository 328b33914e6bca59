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
		{8, "OffsetCommit", 2, 10, (*Server).offsetCommit},
		{9, "OffsetFetch", 1, 10, (*Server).offsetFetch},
		{10, "FindCoordinator", 0, 6, (*Server).findCoordinator},
		{11, "JoinGroup", 0, 9, (*Server).joinGroup},
		{12, "Heartbeat", 0, 4, (*Server).heartbeat},
		{13, "LeaveGroup", 0, 5, (*Server).leaveGroup},
		{14, "SyncGroup", 0, 5, (*Server).syncGroup},
		{15, "DescribeGroups", 0, 6, (*Server).describeGroups},
		{16, "ListGroups", 0, 5, (*Server).listGroups},
		{18, "ApiVersions", 0, 4, (*Server).apiVersions},
		{19, "CreateTopics", 2, 7, (*Server).createTopics},
		{20, "DeleteTopics", 1, 6, (*Server).deleteTopics},
		{21, "DeleteRecords", 0, 2, (*Server).deleteRecords},
		{22, "InitProducerId", 0, 5, (*Server).initProducerID},
		{23, "OffsetForLeaderEpoch", 2, 4, (*Server).offsetForLeaderEpoch},
		{24, "AddPartitionsToTxn", 0, 5, (*Server).addPartitionsToTxn},
		{25, "AddOffsetsToTxn", 0, 4, (*Server).addOffsetsToTxn},
		{26, "EndTxn", 0, 5, (*Server).endTxn},
		{28, "TxnOffsetCommit", 0, 6, (*Server).txnOffsetCommit},
		{32, "DescribeConfigs", 1, 4, (*Server).describeConfigs},
		{33, "AlterConfigs", 0, 2, (*Server).alterConfigs},
		{35, "DescribeLogDirs", 1, 4, (*Server).describeLogDirs},
		{37, "CreatePartitions", 0, 3, (*Server).createPartitions},
		{42, "DeleteGroups", 0, 3, (*Server).deleteGroups},
		{44, "IncrementalAlterConfigs", 0, 1, (*Server).incrementalAlterConfigs},
		{47, "OffsetDelete", 0, 0, (*Server).offsetDelete},
		{60, "DescribeCluster", 0, 2, (*Server).describeCluster},
		{61, "DescribeProducers", 0, 0, (*Server).describeProducers},
		{65, "DescribeTransactions", 0, 0, (*Server).describeTransactions},
		{66, "ListTransactions", 0, 2, (*Server).listTransactions},
		{75, "DescribeTopicPartitions", 0, 0, (*Server).describeTopicPartitions},
	}
}

// keyProduce is the only key that the connection treats apart: see conn.begin.
const keyProduce = 0

const keyAPIVersions = 18

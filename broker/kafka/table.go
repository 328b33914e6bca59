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
		{17, "SaslHandshake", 0, 1, (*Server).saslHandshake},
		{18, "ApiVersions", 0, 5, (*Server).apiVersions},
		{19, "CreateTopics", 2, 7, (*Server).createTopics},
		{20, "DeleteTopics", 1, 6, (*Server).deleteTopics},
		{21, "DeleteRecords", 0, 2, (*Server).deleteRecords},
		{22, "InitProducerId", 0, 5, (*Server).initProducerID},
		{23, "OffsetForLeaderEpoch", 2, 4, (*Server).offsetForLeaderEpoch},
		{24, "AddPartitionsToTxn", 0, 5, (*Server).addPartitionsToTxn},
		{25, "AddOffsetsToTxn", 0, 4, (*Server).addOffsetsToTxn},
		{26, "EndTxn", 0, 5, (*Server).endTxn},
		{27, "WriteTxnMarkers", 1, 2, (*Server).writeTxnMarkers},
		{28, "TxnOffsetCommit", 0, 6, (*Server).txnOffsetCommit},
		{29, "DescribeAcls", 1, 3, (*Server).describeACLs},
		{30, "CreateAcls", 1, 3, (*Server).createACLs},
		{31, "DeleteAcls", 1, 3, (*Server).deleteACLs},
		{32, "DescribeConfigs", 1, 4, (*Server).describeConfigs},
		{33, "AlterConfigs", 0, 2, (*Server).alterConfigs},
		{34, "AlterReplicaLogDirs", 1, 2, (*Server).alterReplicaLogDirs},
		{35, "DescribeLogDirs", 1, 5, (*Server).describeLogDirs},
		{36, "SaslAuthenticate", 0, 2, (*Server).saslAuthenticate},
		{37, "CreatePartitions", 0, 3, (*Server).createPartitions},
		{38, "CreateDelegationToken", 1, 3, (*Server).createDelegationToken},
		{39, "RenewDelegationToken", 1, 2, (*Server).renewDelegationToken},
		{40, "ExpireDelegationToken", 1, 2, (*Server).expireDelegationToken},
		{41, "DescribeDelegationToken", 1, 3, (*Server).describeDelegationToken},
		{42, "DeleteGroups", 0, 3, (*Server).deleteGroups},
		{43, "ElectLeaders", 0, 2, (*Server).electLeaders},
		{44, "IncrementalAlterConfigs", 0, 1, (*Server).incrementalAlterConfigs},
		{45, "AlterPartitionReassignments", 0, 1, (*Server).alterPartitionReassignments},
		{46, "ListPartitionReassignments", 0, 0, (*Server).listPartitionReassignments},
		{47, "OffsetDelete", 0, 0, (*Server).offsetDelete},
		{48, "DescribeClientQuotas", 0, 1, (*Server).describeClientQuotas},
		{49, "AlterClientQuotas", 0, 1, (*Server).alterClientQuotas},
		{50, "DescribeUserScramCredentials", 0, 0, (*Server).describeUserSCRAMCredentials},
		{55, "DescribeQuorum", 0, 2, (*Server).describeQuorum},
		{57, "UpdateFeatures", 0, 2, (*Server).updateFeatures},
		{60, "DescribeCluster", 0, 2, (*Server).describeCluster},
		{61, "DescribeProducers", 0, 0, (*Server).describeProducers},
		{65, "DescribeTransactions", 0, 0, (*Server).describeTransactions},
		{66, "ListTransactions", 0, 2, (*Server).listTransactions},
		{68, "ConsumerGroupHeartbeat", 0, 1, (*Server).consumerGroupHeartbeat},
		{69, "ConsumerGroupDescribe", 0, 1, (*Server).consumerGroupDescribe},
		{71, "GetTelemetrySubscriptions", 0, 0, (*Server).getTelemetrySubscriptions},
		{72, "PushTelemetry", 0, 0, (*Server).pushTelemetry},
		{74, "ListConfigResources", 0, 1, (*Server).listConfigResources},
		{75, "DescribeTopicPartitions", 0, 0, (*Server).describeTopicPartitions},
	}
}

// keyProduce is the only key that the connection treats apart: see conn.begin.
const keyProduce = 0

// Keys that are told apart elsewhere.
const (
	keyFetch       = 1
	keyJoinGroup   = 11
	keySyncGroup   = 14
	keyAPIVersions = 18
)

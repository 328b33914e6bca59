package kafka

// API is a request of the protocol as the documentation shows it.
type API struct {
	Key      int16
	Name     string
	Min, Max int16 // what is served; of an absent one what Apache Kafka serves
	// Why an absent one is not served.
	Why string
}

// APIs are the requests that are served, by key, with the first and last version of each.
func APIs() []API {
	rows := table()
	out := make([]API, len(rows))
	for i, r := range rows {
		out[i] = API{Key: r.key, Name: r.name, Min: r.min, Max: r.max}
	}
	return out
}

// AbsentAPIs are the requests, by key, that a broker of Apache Kafka 4.4 answers and this one does not, with the reason. A
// request that is served is served up to Kafka's own newest stable version; a test says so.
func AbsentAPIs() []API {
	served := map[int16]bool{}
	for _, r := range table() {
		served[r.key] = true
	}
	var out []API
	for _, k := range kafkaAPIs() {
		if !served[k.key] {
			out = append(out, API{Key: k.key, Name: k.name, Min: k.min, Max: k.max, Why: k.why})
		}
	}
	return out
}

// kafkaAPI is a request of Apache Kafka 4.4 with its stable versions, and a reason where it may not be served here.
type kafkaAPI struct {
	key      int16
	name     string
	min, max int16
	why      string
}

// kafkaAPIs is what a broker of Apache Kafka 4.4 advertises on its own listener.
func kafkaAPIs() []kafkaAPI {
	return []kafkaAPI{
		{0, "Produce", 3, 13, ""},
		{1, "Fetch", 4, 18, ""},
		{2, "ListOffsets", 1, 11, ""},
		{3, "Metadata", 0, 13, ""},
		{8, "OffsetCommit", 2, 10, ""},
		{9, "OffsetFetch", 1, 10, ""},
		{10, "FindCoordinator", 0, 6, ""},
		{11, "JoinGroup", 0, 9, ""},
		{12, "Heartbeat", 0, 4, ""},
		{13, "LeaveGroup", 0, 5, ""},
		{14, "SyncGroup", 0, 5, ""},
		{15, "DescribeGroups", 0, 6, ""},
		{16, "ListGroups", 0, 5, ""},
		{17, "SaslHandshake", 0, 1, ""},
		{18, "ApiVersions", 0, 5, ""},
		{19, "CreateTopics", 2, 7, ""},
		{20, "DeleteTopics", 1, 6, ""},
		{21, "DeleteRecords", 0, 2, ""},
		{22, "InitProducerId", 0, 5, ""},
		{23, "OffsetForLeaderEpoch", 2, 4, ""},
		{24, "AddPartitionsToTxn", 0, 5, ""},
		{25, "AddOffsetsToTxn", 0, 4, ""},
		{26, "EndTxn", 0, 5, ""},
		{27, "WriteTxnMarkers", 1, 2, ""},
		{28, "TxnOffsetCommit", 0, 6, ""},
		{29, "DescribeAcls", 1, 3, ""},
		{30, "CreateAcls", 1, 3, ""},
		{31, "DeleteAcls", 1, 3, ""},
		{32, "DescribeConfigs", 1, 4, ""},
		{33, "AlterConfigs", 0, 2, ""},
		{34, "AlterReplicaLogDirs", 1, 2, ""},
		{35, "DescribeLogDirs", 1, 5, ""},
		{36, "SaslAuthenticate", 0, 2, ""},
		{37, "CreatePartitions", 0, 3, ""},
		{38, "CreateDelegationToken", 1, 3, ""},
		{39, "RenewDelegationToken", 1, 2, ""},
		{40, "ExpireDelegationToken", 1, 2, ""},
		{41, "DescribeDelegationToken", 1, 3, ""},
		{42, "DeleteGroups", 0, 3, ""},
		{43, "ElectLeaders", 0, 2, ""},
		{44, "IncrementalAlterConfigs", 0, 1, ""},
		{45, "AlterPartitionReassignments", 0, 1, ""},
		{46, "ListPartitionReassignments", 0, 0, ""},
		{47, "OffsetDelete", 0, 0, ""},
		{48, "DescribeClientQuotas", 0, 1, ""},
		{49, "AlterClientQuotas", 0, 1, ""},
		{50, "DescribeUserScramCredentials", 0, 0, ""},
		{51, "AlterUserScramCredentials", 0, 0, "Nobody logs in on the listener: there are no credentials to alter."},
		{55, "DescribeQuorum", 0, 2, ""},
		{57, "UpdateFeatures", 0, 2, ""},
		{60, "DescribeCluster", 0, 2, ""},
		{61, "DescribeProducers", 0, 0, ""},
		{64, "UnregisterBroker", 0, 0, "The one broker cannot leave its cluster."},
		{65, "DescribeTransactions", 0, 0, ""},
		{66, "ListTransactions", 0, 2, ""},
		{68, "ConsumerGroupHeartbeat", 0, 1, ""},
		{69, "ConsumerGroupDescribe", 0, 1, ""},
		{71, "GetTelemetrySubscriptions", 0, 0, ""},
		{72, "PushTelemetry", 0, 0, ""},
		{74, "ListConfigResources", 0, 1, ""},
		{75, "DescribeTopicPartitions", 0, 0, ""},
		{76, "ShareGroupHeartbeat", 1, 1, "Share groups (KIP-932)."},
		{77, "ShareGroupDescribe", 1, 1, "See ShareGroupHeartbeat."},
		{78, "ShareFetch", 1, 2, "See ShareGroupHeartbeat."},
		{79, "ShareAcknowledge", 1, 2, "See ShareGroupHeartbeat."},
		{80, "AddRaftVoter", 0, 1, "The quorum of the metadata is the one node and cannot grow."},
		{81, "RemoveRaftVoter", 0, 0, "See AddRaftVoter."},
		{83, "InitializeShareGroupState", 0, 0, "Between a share coordinator and its store."},
		{84, "ReadShareGroupState", 0, 0, "Between a share coordinator and its store."},
		{85, "WriteShareGroupState", 0, 1, "Between a share coordinator and its store."},
		{86, "DeleteShareGroupState", 0, 0, "Between a share coordinator and its store."},
		{87, "ReadShareGroupStateSummary", 0, 1, "Between a share coordinator and its store."},
		{88, "StreamsGroupHeartbeat", 0, 1, "Groups of KIP-1071: Kafka Streams uses the classic protocol by default."},
		{89, "StreamsGroupDescribe", 0, 1, "See StreamsGroupHeartbeat."},
		{90, "DescribeShareGroupOffsets", 0, 1, "See ShareGroupHeartbeat."},
		{91, "AlterShareGroupOffsets", 0, 0, "See ShareGroupHeartbeat."},
		{92, "DeleteShareGroupOffsets", 0, 0, "See ShareGroupHeartbeat."},
		{93, "StreamsGroupTopologyDescriptionUpdate", 0, 0, "See StreamsGroupHeartbeat."},
		{94, "UnregisterController", 0, 0, "There is no controller beside the broker."},
	}
}

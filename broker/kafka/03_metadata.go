package kafka

import (
	"context"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
)

// Metadata, 0-13.
//
//	v0   no topics named means all of them; from v1 that is null, and empty means none
//	v2   cluster id          v4  whether to create what is missing      v5  offline replicas
//	v7   leader epochs       v8  authorized operations (KIP-430)        v9  flexible
//	v10  topic ids (KIP-516) v12 topics asked for by id                 v13 an error for the whole answer
//
// A topic that is named and missing is created when the broker and the request allow it; clients see it in the same
// answer, since one node needs no time to agree.
func (s *Server) metadata(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.MetadataRequest)
	resp := kmsg.NewPtrMetadataResponse()
	resp.Brokers = []kmsg.MetadataResponseBroker{s.brokerMetadata(c)}
	resp.ClusterID = kmsg.StringPtr(s.b.ClusterID())
	resp.ControllerID = s.b.NodeID()
	resp.AuthorizedOperations = math.MinInt32
	if req.Version >= 8 && req.Version <= 10 && req.IncludeClusterAuthorizedOperations {
		resp.AuthorizedOperations = clusterOperations
	}
	all := req.Topics == nil || req.Version == 0 && len(req.Topics) == 0
	if all {
		for _, t := range s.b.Topics() {
			resp.Topics = append(resp.Topics, s.topicMetadata(t, req.IncludeTopicAuthorizedOperations))
		}
		return resp, nil
	}
	for i := range req.Topics {
		resp.Topics = append(resp.Topics, s.namedTopic(c, req, &req.Topics[i]))
	}
	return resp, nil
}

func (s *Server) brokerMetadata(c *call) kmsg.MetadataResponseBroker {
	b := kmsg.NewMetadataResponseBroker()
	b.NodeID, b.Host, b.Port = s.b.NodeID(), c.host, c.port
	return b
}

func (s *Server) namedTopic(c *call, req *kmsg.MetadataRequest, rt *kmsg.MetadataRequestTopic) kmsg.MetadataResponseTopic {
	out := kmsg.NewMetadataResponseTopic()
	out.Topic, out.TopicID, out.AuthorizedOperations = rt.Topic, rt.TopicID, math.MinInt32
	if rt.TopicID != ([16]byte{}) {
		t, ok := s.b.TopicByID(rt.TopicID)
		if !ok {
			out.ErrorCode = kerr.UnknownTopicID.Code
			return out
		}
		return s.topicMetadata(t, req.IncludeTopicAuthorizedOperations)
	}
	if rt.Topic == nil {
		out.ErrorCode = kerr.InvalidTopicException.Code
		return out
	}
	if t, ok := s.b.Topic(*rt.Topic); ok {
		return s.topicMetadata(t, req.IncludeTopicAuthorizedOperations)
	}
	if err := broker.CheckTopicName(*rt.Topic); err != nil {
		out.ErrorCode = kerr.InvalidTopicException.Code
		return out
	}
	out.ErrorCode = kerr.UnknownTopicOrPartition.Code
	if !s.b.AutoCreate() || req.Version >= 4 && !req.AllowAutoTopicCreation {
		return out
	}
	_, _ = s.mutate(c, int(s.b.DefaultPartitions()), math.MaxInt16) // no version of Metadata is refused for it
	t, err := s.autoCreate(c.ctx, *rt.Topic)
	if err != nil {
		out.ErrorCode = code(err)
		return out
	}
	return s.topicMetadata(t, req.IncludeTopicAuthorizedOperations)
}

// autoCreate makes a topic that a client named first. Of two clients that name it at once, one creates it.
func (s *Server) autoCreate(ctx context.Context, name string) (*broker.Topic, error) {
	if coordinatorTopic(name) {
		return s.b.EnsureInternal(ctx, name, 1, compacted())
	}
	t, err := s.b.CreateTopic(ctx, broker.TopicSpec{Name: name, Partitions: -1})
	if err != nil {
		if t, ok := s.b.Topic(name); ok {
			return t, nil
		}
	}
	return t, err
}

// compacted are the configs of the coordinators' topics.
func compacted() map[string]*string {
	return map[string]*string{"cleanup.policy": kmsg.StringPtr("compact"), "compression.type": kmsg.StringPtr("producer")}
}

// Operations as bits of Kafka's AclOperation: without authorization everyone may do everything that the resource knows.
const (
	opRead            = 1 << 3
	opWrite           = 1 << 4
	opCreate          = 1 << 5
	opDelete          = 1 << 6
	opAlter           = 1 << 7
	opDescribe        = 1 << 8
	opClusterAction   = 1 << 9
	opDescribeConfigs = 1 << 10
	opAlterConfigs    = 1 << 11
	opIdempotentWrite = 1 << 12

	topicOperations   = opRead | opWrite | opCreate | opDelete | opAlter | opDescribe | opDescribeConfigs | opAlterConfigs
	clusterOperations = opCreate | opAlter | opDescribe | opClusterAction | opDescribeConfigs | opAlterConfigs | opIdempotentWrite
)

func (s *Server) topicMetadata(t *broker.Topic, operations bool) kmsg.MetadataResponseTopic {
	out := kmsg.NewMetadataResponseTopic()
	out.Topic, out.TopicID, out.IsInternal = kmsg.StringPtr(t.Name()), t.ID(), t.Internal()
	out.AuthorizedOperations = math.MinInt32
	if operations {
		out.AuthorizedOperations = topicOperations
	}
	node := []int32{s.b.NodeID()}
	for _, p := range t.Partitions() {
		op := kmsg.NewMetadataResponseTopicPartition()
		op.Partition, op.Leader, op.LeaderEpoch = p.Index(), node[0], leaderEpoch
		op.Replicas, op.ISR, op.OfflineReplicas = node, node, []int32{}
		if p.Err() != nil {
			op.ErrorCode, op.Leader = kerr.LeaderNotAvailable.Code, -1
			op.ISR, op.OfflineReplicas = []int32{}, node
		}
		out.Partitions = append(out.Partitions, op)
	}
	return out
}

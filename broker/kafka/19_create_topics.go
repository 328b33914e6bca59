package kafka

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
)

// CreateTopics, 2-7.
//
//	v4  -1 for partitions and replicas means the broker's default (KIP-464)
//	v5  flexible; the answer tells partitions, replicas and configs (KIP-525). The configs array is never null there:
//	    Kafka's own tools fail on a null
//	v6  THROTTLING_QUOTA_EXCEEDED (KIP-599)
//	v7  topic ids
//
// A replication factor above 1 is refused, as Kafka with one broker refuses it; -1 gives what there is. A manual assignment must name node 1 for the partitions 0 to n-1.
func (s *Server) createTopics(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.CreateTopicsRequest)
	resp := kmsg.NewPtrCreateTopicsResponse()
	times := map[string]int{}
	for i := range req.Topics {
		times[req.Topics[i].Topic]++
	}
	for i := range req.Topics {
		rt := &req.Topics[i]
		n := times[rt.Topic]
		if n == 0 {
			continue // answered already
		}
		times[rt.Topic] = 0
		out := kmsg.NewCreateTopicsResponseTopic()
		out.Topic, out.NumPartitions, out.ReplicationFactor = rt.Topic, -1, -1
		out.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
		if n > 1 {
			out.ErrorCode = kerr.InvalidRequest.Code
			out.ErrorMessage = kmsg.StringPtr("Duplicate topic name.")
		} else {
			s.createTopic(c, req, rt, &out)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp, nil
}

func (s *Server) createTopic(c *call, req *kmsg.CreateTopicsRequest, rt *kmsg.CreateTopicsRequestTopic, out *kmsg.CreateTopicsResponseTopic) {
	spec, refused, why := s.topicSpec(rt)
	if refused != nil {
		out.ErrorCode, out.ErrorMessage = refused.Code, &why
		return
	}
	if req.ValidateOnly {
		checked, err := s.b.CheckTopic(spec)
		if err != nil {
			out.ErrorCode, out.ErrorMessage = code(err), message(err)
			return
		}
		out.NumPartitions, out.ReplicationFactor = checked.Partitions, 1
		return
	}
	partitions := spec.Partitions
	if partitions < 0 {
		partitions = s.b.DefaultPartitions()
	}
	if out.ErrorCode, out.ErrorMessage = s.mutate(c, int(partitions), 6); out.ErrorCode != 0 {
		return
	}
	t, err := s.b.CreateTopic(c.ctx, spec)
	if err != nil {
		out.ErrorCode, out.ErrorMessage = code(err), message(err)
		return
	}
	out.TopicID, out.NumPartitions, out.ReplicationFactor = t.ID(), int32(len(t.Partitions())), 1
	for _, k := range broker.TopicConfigs() {
		v, src := s.b.TopicConfig(t, k)
		oc := kmsg.NewCreateTopicsResponseTopicConfig()
		oc.Name, oc.Value, oc.Source = k.Name, &v, int8(src)
		out.Configs = append(out.Configs, oc)
	}
}

// topicSpec reads what is asked for, or says why it cannot be had.
func (s *Server) topicSpec(rt *kmsg.CreateTopicsRequestTopic) (spec broker.TopicSpec, refused *kerr.Error, why string) {
	spec = broker.TopicSpec{Name: rt.Topic, Partitions: rt.NumPartitions, Configs: map[string]*string{}, Internal: coordinatorTopic(rt.Topic)}
	switch {
	case len(rt.ReplicaAssignment) > 0:
		if rt.NumPartitions != -1 || rt.ReplicationFactor != -1 {
			return spec, kerr.InvalidRequest, "A manual partition assignment was specified, but numPartitions or replicationFactor was not set to -1."
		}
		if err := s.checkAssignment(rt.ReplicaAssignment); err != nil {
			return spec, kerr.InvalidReplicaAssignment, err.Error()
		}
		spec.Partitions = int32(len(rt.ReplicaAssignment))
	case rt.ReplicationFactor != -1 && rt.ReplicationFactor != 1:
		return spec, kerr.InvalidReplicationFactor, fmt.Sprintf("Unable to replicate the partition %d time(s): there is one broker; use 1 or -1.", rt.ReplicationFactor)
	case rt.NumPartitions != -1 && rt.NumPartitions <= 0:
		return spec, kerr.InvalidPartitions, "Number of partitions was set to an invalid non-positive value."
	}
	for _, cfg := range rt.Configs {
		if _, twice := spec.Configs[cfg.Name]; twice {
			return spec, kerr.InvalidConfig, "config " + cfg.Name + " is given twice"
		}
		spec.Configs[cfg.Name] = cfg.Value
	}
	return spec, nil, ""
}

// checkAssignment wants partitions 0 to n-1, each once, on this node alone.
func (s *Server) checkAssignment(in []kmsg.CreateTopicsRequestTopicReplicaAssignment) error {
	seen := map[int32]bool{}
	for _, a := range in {
		if seen[a.Partition] || a.Partition < 0 || int(a.Partition) >= len(in) {
			return fmt.Errorf("partitions should be a consecutive 0-based integer sequence, found %d", a.Partition)
		}
		seen[a.Partition] = true
		if len(a.Replicas) != 1 || a.Replicas[0] != s.b.NodeID() {
			return fmt.Errorf("partition %d must be assigned to broker %d alone", a.Partition, s.b.NodeID())
		}
	}
	return nil
}

package broker

// Broker is this process's Kafka node.
type Broker struct {
	clusterID string
}

// ClusterID is the cluster's id in Kafka's form: 22 characters.
func (b *Broker) ClusterID() string { return b.clusterID }

// NodeID is this broker's id: 1, as of Kafka's own single node. (0 is what clients take for "unset".)
func (b *Broker) NodeID() int32 { return 1 }

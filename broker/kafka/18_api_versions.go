package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ApiVersions, 0-5. What the table serves.
//
//	v3  the client's software name and version (KIP-511), letters, digits, '-' and '.' only; features (KIP-584)
//	v4  features may begin at level 0 (KIP-1022)
//	v5  whom the client believes to speak to (KIP-1242): both of cluster and node, or neither; a client that is wrong, say
//	    because the address was given to another, is sent back to its bootstrap addresses
//
// A version above ours is answered in the form of version 0 with UNSUPPORTED_VERSION and our range, so that the client
// can ask again on the same connection (KIP-511).
func (s *Server) apiVersions(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.ApiVersionsRequest)
	resp := kmsg.NewPtrApiVersionsResponse()
	if req.Version >= 3 && (!softwareName(req.ClientSoftwareName) || !softwareName(req.ClientSoftwareVersion)) {
		resp.ErrorCode = kerr.InvalidRequest.Code
		return resp, nil
	}
	if refused := s.mistaken(req); refused != 0 {
		resp.ErrorCode = refused
		return resp, nil
	}
	if c.software != nil && req.Version >= 3 {
		c.software.Store(&software{req.ClientSoftwareName, req.ClientSoftwareVersion})
	}
	for _, a := range s.rows {
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MinVersion, k.MaxVersion = a.key, a.min, a.max
		resp.ApiKeys = append(resp.ApiKeys, k)
	}
	s.features(resp, req.Version)
	return resp, nil
}

// mistaken is the code for a client that believes to speak to somebody else.
func (s *Server) mistaken(req *kmsg.ApiVersionsRequest) int16 {
	if req.Version < 5 {
		return 0
	}
	switch {
	case (req.ClusterID == nil) != (req.NodeID == -1):
		return kerr.InvalidRequest.Code
	case req.ClusterID == nil:
		return 0
	case *req.ClusterID != s.b.ClusterID() || req.NodeID != s.b.NodeID():
		return kerr.RebootstrapRequired.Code
	}
	return 0
}

// feature is what clients must know beyond versions: the levels that are known, and the one that is in force.
type feature struct {
	name            string
	min, max, level int16
}

// featureTable lists them by name.
func featureTable() []feature {
	return []feature{
		{"group.version", 0, 1, 1},       // the consumer protocol (KIP-848)
		{"transaction.version", 0, 2, 2}, // each end of a transaction raises the epoch (KIP-890)
	}
}

func featureNamed(name string) (feature, bool) {
	for _, f := range featureTable() {
		if f.name == name {
			return f, true
		}
	}
	return feature{}, false
}

// features tells the table. The epoch must not be negative, or clients ignore it all.
func (s *Server) features(resp *kmsg.ApiVersionsResponse, version int16) {
	resp.FinalizedFeaturesEpoch = 0
	for _, f := range featureTable() {
		final := kmsg.NewApiVersionsResponseFinalizedFeature()
		final.Name, final.MinVersionLevel, final.MaxVersionLevel = f.name, f.level, f.level
		resp.FinalizedFeatures = append(resp.FinalizedFeatures, final)
		if version < 4 && f.min == 0 {
			continue // a range that begins at 0 cannot be read by clients of version 3 (KIP-1022)
		}
		supported := kmsg.NewApiVersionsResponseSupportedFeature()
		supported.Name, supported.MinVersion, supported.MaxVersion = f.name, f.min, f.max
		resp.SupportedFeatures = append(resp.SupportedFeatures, supported)
	}
}

// unsupportedAPIVersions is the answer to a version of ApiVersions that we do not know.
func (s *Server) unsupportedAPIVersions() kmsg.Response {
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.SetVersion(0)
	resp.ErrorCode = kerr.UnsupportedVersion.Code
	own := s.apis[keyAPIVersions]
	k := kmsg.NewApiVersionsResponseApiKey()
	k.ApiKey, k.MinVersion, k.MaxVersion = own.key, own.min, own.max
	resp.ApiKeys = append(resp.ApiKeys, k)
	return resp
}

// softwareName is Kafka's pattern [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?
func softwareName(s string) bool {
	alnum := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' }
	if s == "" || !alnum(s[0]) || !alnum(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if !alnum(s[i]) && s[i] != '-' && s[i] != '.' {
			return false
		}
	}
	return true
}

package kafka

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ApiVersions, 0-4. What the table serves.
//
//	v3  the client's software name and version (KIP-511), letters, digits, '-' and '.' only; features (KIP-584)
//	v4  features may begin at level 0 (KIP-1022)
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
	for _, a := range s.rows {
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MinVersion, k.MaxVersion = a.key, a.min, a.max
		resp.ApiKeys = append(resp.ApiKeys, k)
	}
	s.features(resp, req.Version)
	return resp, nil
}

// features names what clients must know beyond versions: that transactions raise the epoch with each end (KIP-890). The
// epoch must not be negative, or clients ignore it all.
func (s *Server) features(resp *kmsg.ApiVersionsResponse, version int16) {
	const transactionVersion = 2
	resp.FinalizedFeaturesEpoch = 0
	final := kmsg.NewApiVersionsResponseFinalizedFeature()
	final.Name, final.MinVersionLevel, final.MaxVersionLevel = "transaction.version", transactionVersion, transactionVersion
	resp.FinalizedFeatures = append(resp.FinalizedFeatures, final)
	if version < 4 {
		return // a range that begins at 0 cannot be read by clients of version 3 (KIP-1022)
	}
	supported := kmsg.NewApiVersionsResponseSupportedFeature()
	supported.Name, supported.MinVersion, supported.MaxVersion = "transaction.version", 0, transactionVersion
	resp.SupportedFeatures = append(resp.SupportedFeatures, supported)
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

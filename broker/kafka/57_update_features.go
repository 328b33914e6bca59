package kafka

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// UpdateFeatures, 0-2 (KIP-584). A feature stands at the level that this release serves: setting it to where it stands is
// fine, every other level is refused with a reason.
//
//	v1  dry runs, and the kind of change in place of a permission to lower (KIP-778)
//	v2  no results by feature: all or none
func (s *Server) updateFeatures(c *call) (kmsg.Response, error) {
	req := c.req.(*kmsg.UpdateFeaturesRequest)
	resp := kmsg.NewPtrUpdateFeaturesResponse()
	for i := range req.FeatureUpdates {
		u := &req.FeatureUpdates[i]
		if why := refuseFeature(req.Version, u); why != "" {
			resp.ErrorCode, resp.Results = kerr.InvalidUpdateVersion.Code, nil
			resp.ErrorMessage = kmsg.StringPtr(fmt.Sprintf("The update failed for all features since the following feature had an error: "+
				"Invalid update version %d for feature %s. %s", u.MaxVersionLevel, u.Feature, why))
			return resp, nil
		}
		r := kmsg.NewUpdateFeaturesResponseResult()
		r.Feature = u.Feature
		resp.Results = append(resp.Results, r)
	}
	return resp, nil
}

// refuseFeature tells why not, in Kafka's words as far as Kafka would refuse it too; "" when nothing is to be said.
func refuseFeature(version int16, u *kmsg.UpdateFeaturesRequestFeatureUpdate) string {
	const upgrade, unsafe = 1, 3
	f, known := featureNamed(u.Feature)
	lowering := version == 0 && u.AllowDowngrade || version >= 1 && u.UpgradeType > upgrade
	switch {
	case version >= 1 && (u.UpgradeType < upgrade || u.UpgradeType > unsafe):
		return "The controller does not support the given upgrade type."
	case u.MaxVersionLevel < 0:
		return "A feature version cannot be less than 0."
	case !known && u.MaxVersionLevel == 0:
		return fmt.Sprintf("Feature %s not found.", u.Feature)
	case !known:
		return "The controller does not support this feature."
	case u.MaxVersionLevel > f.max:
		return fmt.Sprintf("The controller only supports versions %d-%d", f.min, f.max)
	case u.MaxVersionLevel < f.level && !lowering:
		return "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade."
	case u.MaxVersionLevel != f.level:
		return fmt.Sprintf("The broker serves level %d and no other.", f.level)
	}
	return ""
}

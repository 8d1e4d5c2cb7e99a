package idp

// Brand is how the product shows itself on a domain, and which flows it runs
// there.
type Brand struct {
	ID                    BrandID
	Domain                string // matches hosts that end in it; unique
	Default               bool   // used where no domain matches; at most one
	Title                 string
	Logo                  string
	Favicon               string
	CustomCSS             string
	DefaultFlowBackground string
	FlowAuthentication    *FlowID
	FlowInvalidation      *FlowID
	FlowRecovery          *FlowID
	FlowUnenrollment      *FlowID
	FlowUserSettings      *FlowID
	FlowDeviceCode        *FlowID
	FlowLockdown          *FlowID
	Attributes            Attributes
}

package useragent

import "strings"

// Kind is the kind of device a header speaks of.
type Kind string

// The kinds.
const (
	KindDesktop Kind = "desktop"
	KindPhone   Kind = "phone"
	KindTablet  Kind = "tablet"
	KindProgram Kind = "program" // a library, a command or a robot
	KindUnknown Kind = "unknown"
)

// Other is the family of what could not be told, by its name on the wire.
const Other = "Other"

// Product is a program or a system with its version; parts that are not known
// are empty.
type Product struct {
	Family                          string // "Firefox", or Other
	Major, Minor, Patch, PatchMinor string
}

// Device is the thing itself; parts that are not known are empty.
type Device struct {
	Family string // "Mac", "iPhone", the model of an Android device, or Other
	Brand  string
	Model  string
	Kind   Kind
}

// Agent is what a header says.
type Agent struct {
	String  string // the header as it came
	Browser Product
	OS      Product
	Device  Device
}

// maxLength is how much of a header is looked at, in bytes. Real ones stay
// below 300.
const maxLength = 1024

// Parse reads a header. It takes anything and never fails.
func Parse(header string) Agent {
	a := Agent{String: header, Browser: Product{Family: Other}, OS: Product{Family: Other},
		Device: Device{Family: Other, Kind: KindUnknown}}
	s := header
	if len(s) > maxLength {
		s = s[:maxLength]
	}
	s = strings.ToValidUTF8(s, "")
	if strings.TrimSpace(s) == "" {
		return a
	}
	if p, ok := program(s); ok {
		a.Browser = p
		a.Device.Kind = KindProgram
		if os, ok := system(s); ok {
			a.OS = os.product
		}
		return a
	}
	if os, ok := system(s); ok {
		a.OS, a.Device = os.product, os.device
	}
	a.Browser = browser(s)
	if a.Device.Kind == KindUnknown && a.Browser.Family == Other {
		a.Browser.Family = firstToken(s)
	}
	return a
}

// Name is the browser as people read it: "Firefox 128", "curl 8.5".
func (a Agent) Name() string {
	switch {
	case a.Browser.Family == Other:
		return "Unknown browser"
	case a.Browser.Major == "":
		return a.Browser.Family
	case a.Device.Kind == KindProgram && a.Browser.Minor != "":
		return a.Browser.Family + " " + a.Browser.Major + "." + a.Browser.Minor
	}
	return a.Browser.Family + " " + a.Browser.Major
}

// Place is the system or device as people read it: "iPhone", "macOS",
// "Pixel 8, Android 14"; empty when nothing is known.
func (a Agent) Place() string {
	os := a.OS.Family
	if os == Other {
		os = ""
	}
	if a.OS.Family == "Android" && a.OS.Major != "" {
		os += " " + a.OS.Major
	}
	switch {
	case a.Device.Family == "iPhone" || a.Device.Family == "iPad":
		return a.Device.Family
	case a.Device.Model != "" && a.OS.Family == "Android":
		return a.Device.Model + ", " + os
	}
	return os
}

// Label is one line for lists: "Firefox 128 on Linux".
func (a Agent) Label() string {
	if a.Browser.Family == Other && a.Place() != "" {
		return "Unknown browser on " + a.Place()
	}
	if strings.TrimSpace(a.String) == "" {
		return "Unknown device"
	}
	if a.Place() == "" {
		return a.Name()
	}
	return a.Name() + " on " + a.Place()
}

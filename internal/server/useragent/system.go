package useragent

import "strings"

type place struct {
	product Product
	device  Device
}

// system tells the operating system and the device.
func system(s string) (place, bool) {
	switch {
	case strings.Contains(s, "iPhone"), strings.Contains(s, "iPod"):
		return apple("iPhone", KindPhone, s), true
	case strings.Contains(s, "iPad"):
		return apple("iPad", KindTablet, s), true
	case strings.Contains(s, "Android"):
		return android(s), true
	case strings.Contains(s, "CrOS "):
		p := Product{Family: "ChromeOS"}
		if m := chromeOS().FindStringSubmatch(s); m != nil {
			p = versioned("ChromeOS", m[1])
		}
		return place{p, Device{Family: "Chromebook", Kind: KindDesktop}}, true
	case strings.Contains(s, "Windows"):
		return windows(s), true
	case strings.Contains(s, "Macintosh"), strings.Contains(s, "Mac OS X"):
		return mac(s), true
	case strings.Contains(s, "Ubuntu"):
		return place{Product{Family: "Ubuntu"}, Device{Family: Other, Kind: KindDesktop}}, true
	case strings.Contains(s, "Linux"), strings.Contains(s, "X11"):
		family := "Linux"
		for _, bsd := range []string{"FreeBSD", "OpenBSD", "NetBSD"} {
			if strings.Contains(s, bsd) {
				family = bsd
			}
		}
		return place{Product{Family: family}, Device{Family: Other, Kind: KindDesktop}}, true
	}
	return place{}, false
}

func apple(device string, kind Kind, s string) place {
	p := Product{Family: "iOS"}
	if m := iosVersion().FindStringSubmatch(s); m != nil {
		p = versioned("iOS", m[1])
	}
	return place{p, Device{Family: device, Brand: "Apple", Model: device, Kind: kind}}
}

// android tells phone from tablet as browsers do: phones say "Mobile".
func android(s string) place {
	kind := KindTablet
	if strings.Contains(s, "Mobile") {
		kind = KindPhone
	}
	out := place{Product{Family: "Android"}, Device{Family: Other, Kind: kind}}
	m := androidPart().FindStringSubmatch(s)
	if m == nil {
		return out
	}
	model := strings.TrimSpace(m[2])
	if i := strings.Index(model, " Build/"); i >= 0 {
		model = model[:i]
	}
	switch {
	case model == "K":
		// Chrome sends "Android 10; K" from every device: neither is a fact.
		return out
	case strings.HasPrefix(model, "rv:"), model == "Mobile", model == "Tablet", model == "wv":
		model = ""
	}
	out.product = versioned("Android", m[1])
	if model != "" {
		out.device.Family, out.device.Model = model, model
	}
	return out
}

func windows(s string) place {
	out := place{Product{Family: "Windows"}, Device{Family: "PC", Kind: KindDesktop}}
	m := ntVersion().FindStringSubmatch(s)
	if m == nil {
		return out
	}
	// NT 10.0 stands for Windows 10 and everything after it.
	if v, ok := map[string]string{"6.1": "7", "6.2": "8", "6.3": "8.1"}[m[1]]; ok {
		out.product = versioned("Windows", v)
	}
	return out
}

func mac(s string) place {
	out := place{Product{Family: "macOS"}, Device{Family: "Mac", Brand: "Apple", Model: "Mac", Kind: KindDesktop}}
	m := macVersion().FindStringSubmatch(s)
	// Every browser froze at 10.15(.7): it stands for anything newer, too.
	if m != nil && !strings.HasPrefix(strings.ReplaceAll(m[1], "_", "."), "10.15") {
		out.product = versioned("macOS", m[1])
	}
	return out
}

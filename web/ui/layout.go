package ui

import "slices"

// FlowLayouts lists where the card of a flow page may stand. The names are those
// of the contract's layouts.
func FlowLayouts() []string {
	return []string{"stacked", "content_left", "content_right", "sidebar_left", "sidebar_right",
		"sidebar_left_frame_background", "sidebar_right_frame_background"}
}

// flowLayout is the class of a layout; what is not known is stacked.
func flowLayout(name string) string {
	if slices.Contains(FlowLayouts(), name) {
		return name
	}
	return "stacked"
}

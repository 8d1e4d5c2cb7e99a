// Package prompt is the stage that shows fields and texts and collects answers
// into prompt_data.
//
// Initial values and placeholders may be expressions; whatever is shown as
// HTML (alerts and static texts) is sanitised, wherever it came from. What a
// visitor may not change (hidden, static, read-only) is taken from the prompt
// again when the answer comes.
package prompt

// Package stagepage holds the console's pages about stages and prompts: lists,
// forms, the preview of a prompt.
//
// The form of a stage is derived from its kind (settingsform): a new kind needs
// nothing here. The package must not know any kind but prompt, whose fields it
// keeps, nor SQL; it changes things through internal/configure.
package stagepage

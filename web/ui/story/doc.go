// Package story shows every component of package ui with made-up data, alone and in sample pages: for the storybook of a
// development server, for screenshots, and for tests that need every component rendered.
//
// It must not know anything but ui: no database, no domain.
package story

package idp

import "time"

// BlueprintID is the identifier of a Blueprint.
type BlueprintID = ID[Blueprint]

// BlueprintStatus is what came of a blueprint. The list is closed: published
// clients refuse another.
type BlueprintStatus string

// The statuses.
const (
	BlueprintSuccessful BlueprintStatus = "successful" // what it says is what was last applied
	BlueprintWarning    BlueprintStatus = "warning"    // applied, except for what is not offered
	BlueprintError      BlueprintStatus = "error"      // the last attempt changed nothing; Problems say why
	BlueprintOrphaned   BlueprintStatus = "orphaned"   // its file is gone; what it made stays
	BlueprintUnknown    BlueprintStatus = "unknown"    // not applied yet, or changed since
)

// Blueprint is a description of objects that is kept applied: a file of the
// server's disk, or text of its own.
type Blueprint struct {
	ID      BlueprintID
	Name    string
	Path    string         // with slashes, below one of the directories; "" = Content
	Content string         // "" = the file
	Context map[string]any // put over the document's own
	Enabled bool
	Shipped bool // the file comes with the product itself
	Status  BlueprintStatus

	AppliedAt     *time.Time // nil = never
	AppliedHash   string     // SHA-512 in hexadecimal of what was applied: content and files it refers to
	TriedAt       *time.Time // the last attempt, whatever came of it
	TriedHash     string
	ManagedModels []string // as in the document: app_label.model
	Metadata      BlueprintMetadata
	Problems      []BlueprintProblem // of the last attempt
	UpdatedAt     time.Time
}

// BlueprintMetadata is what a document says of itself.
type BlueprintMetadata struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
}

// BlueprintProblem is one thing that is wrong with a document, and where.
type BlueprintProblem struct {
	Line        int    `json:"line"`   // from 1; 0 = the document as a whole
	Column      int    `json:"column"` // from 1; 0 = the line as a whole
	Entry       int    `json:"entry"`  // from 1; 0 = no single one
	Model       string `json:"model"`
	Field       string `json:"field"`
	Message     string `json:"message"`
	Unsupported bool   `json:"unsupported"` // of the original, and not offered here
}

// BlueprintFilter selects blueprints. Unset fields select all.
type BlueprintFilter struct {
	Paging
	IDs     []BlueprintID // nil = all
	Name    *string
	Path    *string
	Enabled *bool
	Status  *BlueprintStatus
}

// Blueprints stores blueprints.
type Blueprints interface {
	HeldTable[Blueprint, BlueprintID, BlueprintFilter]
}

package blueprint_test

import (
	"testing"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte(house))
	f.Add([]byte("version: 1\nentries: [&a [*a]]"))
	f.Fuzz(func(t *testing.T, content []byte) {
		d, err := blueprint.Parse("fuzz.yaml", content)
		if err == nil && d == nil {
			t.Fatal("neither a document nor an error")
		}
		if err != nil && !idp.Is(err, idp.CodeInvalid) {
			t.Fatalf("not a fault of the input: %v", err)
		}
	})
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/config"
)

// BlueprintOptions are the extras of `portcullis blueprint plan` and `apply`.
type BlueprintOptions struct {
	Context         map[string]any
	SkipUnsupported bool
	Keep            bool // apply; else only plan
}

// Blueprints is what the blueprint commands ask of the configured database.
type Blueprints struct {
	// Run plans or applies documents one after the other, all or none. The
	// owner of the server's shell may do everything.
	Run func(ctx context.Context, cfg *config.Config, documents []*blueprint.Document, o BlueprintOptions) ([]*blueprint.Report, error)
	// Export writes a flow as a blueprint.
	Export func(ctx context.Context, cfg *config.Config, slug string) ([]byte, error)
	// Schema is the JSON schema for editors. It needs no database.
	Schema func() ([]byte, error)
}

// maxInput is the largest file that is read, in bytes; the server takes less.
const maxInput = 2 << 20

// errProblems is the error of files that are not right; what is wrong has been
// printed.
var errProblems = errors.New("nothing was applied: the files have problems")

// blueprintCommand are the commands about blueprints.
func blueprintCommand(p Program) *cobra.Command {
	root := &cobra.Command{
		Use: "blueprint", Short: "Check, plan, apply and export files that say what should exist",
		Long: "Blueprints are YAML files that say which flows, stages, policies, groups … should exist.\n\n" +
			"The commands work on the configured database of this machine or, with --server, on a\n" +
			"server elsewhere, as whoever the API token in PORTCULLIS_TOKEN belongs to.",
		Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.AddCommand(
		filesCommand(p, "validate", "Report everything that is wrong with files", validate),
		filesCommand(p, "plan", "Show what applying files would create, change and remove", plan),
		filesCommand(p, "apply", "Make it so", apply),
		exportCommand(p), schemaCommand(p))
	return root
}

// mode is what is done with files.
type mode int

const (
	validate mode = iota
	plan
	apply
)

func filesCommand(p Program, name, short string, m mode) *cobra.Command {
	var o struct{ server, format, contextFile string }
	var values []string
	var skip bool
	c := &cobra.Command{
		Use: name + " FILE…", Short: short,
		Long: short + ".\n\nSeveral files count as one: each sees what those before it would make, and all are\napplied or none (with --server: one by one, up to the first that fails). - is standard input.",
		Args: someFiles,
		RunE: func(c *cobra.Command, args []string) error {
			if o.format != "text" && o.format != "json" {
				return &usageError{fmt.Errorf("--format %s: expected text or json", o.format)}
			}
			values, err := contextOf(o.contextFile, values)
			if err != nil {
				return &usageError{err}
			}
			files, err := readFiles(args, c.InOrStdin())
			if err != nil {
				return &usageError{err}
			}
			options := BlueprintOptions{Context: values, SkipUnsupported: skip, Keep: m == apply}
			var results []fileResult
			if o.server != "" {
				results, err = remote{server: o.server, token: os.Getenv(tokenVariable)}.run(c.Context(), files, options)
			} else {
				results, err = onDatabase(c, p, files, options)
			}
			if err != nil {
				return err
			}
			return printer{out: c.OutOrStdout(), mode: m, color: colorful(c.OutOrStdout())}.print(results, o.format)
		},
	}
	c.Flags().StringVar(&o.server, "server", os.Getenv(serverVariable), "URL of a server to work on, with the token in "+tokenVariable+"; empty: the configured database ("+serverVariable+")")
	c.Flags().StringVar(&o.format, "format", "text", "text or json")
	c.Flags().StringVar(&o.contextFile, "context-file", "", "YAML or JSON file with values for !Context")
	c.Flags().StringArrayVar(&values, "context", nil, "key=value for !Context; the value is read as YAML; may be repeated")
	c.Flags().BoolVar(&skip, "skip-unsupported", false, "leave out what is not offered, and what refers to it")
	return c
}

func someFiles(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return &usageError{errors.New("expected at least one file")}
	}
	return nil
}

// file is one file as it was read.
type file struct {
	name    string
	content []byte
}

func readFiles(names []string, stdin io.Reader) ([]file, error) {
	var out []file
	for _, name := range names {
		from, closing := stdin, func() error { return nil }
		if name != "-" {
			f, err := os.Open(name)
			if err != nil {
				return nil, err
			}
			from, closing = f, f.Close
		}
		content, err := io.ReadAll(io.LimitReader(from, maxInput))
		if err = errors.Join(err, closing()); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		out = append(out, file{name, content})
	}
	return out, nil
}

// contextOf puts key=value pairs over the values of a file.
func contextOf(name string, pairs []string) (map[string]any, error) {
	out := map[string]any{}
	if name != "" {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if err := yaml.Unmarshal(content, &out); err != nil {
			return nil, fmt.Errorf("--context-file %s: expected a mapping: %w", name, err)
		}
	}
	for _, pair := range pairs {
		key, text, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("--context %s: expected key=value", pair)
		}
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			v = text
		}
		out[key] = v
	}
	return out, nil
}

// onDatabase works on the configured database.
func onDatabase(c *cobra.Command, p Program, files []file, o BlueprintOptions) ([]fileResult, error) {
	results := make([]fileResult, len(files))
	documents := make([]*blueprint.Document, len(files))
	bad := false
	for i, f := range files {
		results[i] = fileResult{File: f.name, Changes: []blueprint.Change{}, Problems: []blueprint.Problem{}}
		d, err := blueprint.Parse(f.name, f.content)
		if err != nil {
			results[i].Problems, bad = blueprint.Problems(err), true
			continue
		}
		dir := filepath.Dir(f.name)
		if f.name == "-" {
			dir = "."
		}
		root, err := os.OpenRoot(dir) // links must not lead out of it either
		if err != nil {
			return nil, err
		}
		defer root.Close()
		d.Files, documents[i] = root.FS(), d
	}
	if bad {
		return results, nil
	}
	cfg, err := load(c)
	if err != nil {
		return nil, err
	}
	reports, err := p.Blueprints.Run(c.Context(), cfg, documents, o)
	problems := blueprint.Problems(err)
	if err != nil && len(problems) == 0 {
		return nil, err
	}
	for _, problem := range problems {
		at := 0
		for i := range results {
			if results[i].File == problem.File {
				at = i
			}
		}
		results[at].Problems = append(results[at].Problems, problem)
	}
	for i, r := range reports {
		results[i].Success, results[i].Changes, results[i].Problems = true, r.Changes, r.Problems
	}
	return results, nil
}

func exportCommand(p Program) *cobra.Command {
	var server, output string
	c := &cobra.Command{
		Use: "export SLUG", Short: "Write a flow, with everything that it needs, as a blueprint",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{errors.New("expected the slug of one flow")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			var text []byte
			var err error
			if server != "" {
				text, err = remote{server: server, token: os.Getenv(tokenVariable)}.export(c.Context(), args[0])
			} else {
				cfg, wrong := load(c)
				if wrong != nil {
					return wrong
				}
				text, err = p.Blueprints.Export(c.Context(), cfg, args[0])
			}
			if err != nil {
				return err
			}
			return write(c, output, text)
		},
	}
	c.Flags().StringVar(&server, "server", os.Getenv(serverVariable), "URL of a server to ask, with the token in "+tokenVariable+"; empty: the configured database ("+serverVariable+")")
	c.Flags().StringVarP(&output, "output", "o", "", "file to write; empty: standard output")
	return c
}

func schemaCommand(p Program) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use: "schema", Short: "Write the JSON schema of blueprints for editors",
		Long: "Write the JSON schema of blueprints for editors. The first line of a file tells editors\nwhere it is: # yaml-language-server: $schema=schema.json",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := p.Blueprints.Schema()
			if err != nil {
				return err
			}
			return write(c, output, text)
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "", "file to write; empty: standard output")
	return c
}

// write puts a text where it is wanted.
func write(c *cobra.Command, output string, text []byte) error {
	if output == "" || output == "-" {
		_, err := c.OutOrStdout().Write(text)
		return err
	}
	return os.WriteFile(output, text, 0o644)
}

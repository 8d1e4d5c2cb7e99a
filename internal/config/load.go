package config

import (
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

// maxSecretFile bounds what a *_FILE variable may point at, in bytes.
const maxSecretFile = 64 << 10

// Source is where Load looks.
type Source struct {
	File  string            // YAML file; "" = none
	Env   []string          // as os.Environ returns it
	Flags map[string]string // option key → value, only those given
}

// Load reads the configuration. The error is an *Error that lists all faults.
func Load(src Source) (*Config, error) {
	k := koanf.New(".")
	var faults []string
	defaults := map[string]any{}
	for _, o := range Options() {
		defaults[o.Key] = o.Default
	}
	_ = k.Load(confmap.Provider(defaults, "."), nil) // a map in memory cannot fail
	origins := map[string]string{}
	faults = append(faults, loadFile(k, src.File, origins)...)
	faults = append(faults, loadEnv(k, src.Env, origins)...)
	for key, v := range src.Flags {
		_ = k.Set(key, v)
		if o, ok := option(key); ok {
			origins[key] = "the flag --" + o.Flag()
		}
	}
	values := map[string]string{}
	for _, o := range Options() {
		values[o.Key] = k.String(o.Key)
	}
	c, err := parse(values)
	if more, ok := err.(*Error); ok {
		faults = append(faults, more.Faults...)
	}
	if len(faults) > 0 {
		sort.Strings(faults)
		return nil, &Error{Faults: faults}
	}
	c.origins = origins
	return c, nil
}

func loadFile(k *koanf.Koanf, path string, origins map[string]string) []string {
	if path == "" {
		return nil
	}
	f := koanf.New(".")
	if err := f.Load(file.Provider(path), yamlText{}); err != nil {
		return []string{fmt.Sprintf("file %s: %v", path, err)}
	}
	var faults []string
	named := map[string]string{}
	for _, key := range f.Keys() {
		o, ok := option(key)
		if !ok {
			faults = append(faults, fmt.Sprintf("file %s: unknown key %q; known: %s", path, key, known()))
			continue
		}
		if other := named[o.Key]; other != "" {
			faults = append(faults, fmt.Sprintf("file %s: %s and %s are both set; expected one", path, other, key))
			continue
		}
		named[o.Key] = key
		value := f.String(key)
		if list := f.Strings(key); len(list) > 0 {
			value = strings.Join(list, ",")
		}
		_ = k.Set(o.Key, value)
		if value != "" {
			origins[o.Key] = key + " in " + path
		}
	}
	return faults
}

func loadEnv(k *koanf.Koanf, environ []string, origins map[string]string) []string {
	var faults []string
	given := koanf.New("\x00")
	_ = given.Load(env.Provider("\x00", env.Opt{
		Prefix:      EnvPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(key, value string) (string, any) {
			return strings.ToLower(strings.TrimPrefix(key, EnvPrefix)), value
		},
	}), nil)
	for _, o := range Options() {
		if o.Standard != "" {
			loadStandard(k, o, environ, origins)
		}
		direct, path := given.String(o.Key), given.String(o.Key+"_file")
		if path != "" && !o.Secret {
			faults = append(faults, fmt.Sprintf("%s_FILE: only secrets can be read from a file", o.Env()))
			path = ""
		}
		if direct != "" && path != "" {
			faults = append(faults, fmt.Sprintf("%s and %s_FILE are both set; expected one", o.Env(), o.Env()))
			continue
		}
		if path != "" {
			text, err := readSecret(path)
			if err != nil {
				faults = append(faults, fmt.Sprintf("%s_FILE: %v", o.Env(), err))
				continue
			}
			direct = text
		}
		if direct != "" {
			_ = k.Set(o.Key, direct)
			origins[o.Key] = "the variable " + o.Env()
		}
	}
	return faults
}

// loadStandard takes a variable that is not ours. Our own ones and flags come later
// and win; a file's key has been read, and wins as well.
func loadStandard(k *koanf.Koanf, o Option, environ []string, origins map[string]string) {
	for _, pair := range environ {
		if name, value, _ := strings.Cut(pair, "="); name == o.Standard && value != "" && origins[o.Key] == "" {
			_ = k.Set(o.Key, value)
			origins[o.Key] = "the variable " + o.Standard
		}
	}
}

func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretFile {
		return "", fmt.Errorf("%s is not a regular file of at most %d bytes", path, maxSecretFile)
	}
	text, err := os.ReadFile(path)
	return strings.TrimRight(string(text), "\r\n"), err
}

func option(key string) (Option, bool) {
	for _, o := range Options() {
		if o.Key == key || o.Alias != "" && o.Alias == key {
			return o, true
		}
	}
	return Option{}, false
}

func known() string {
	var keys []string
	for _, o := range Options() {
		keys = append(keys, o.Key)
		if o.Alias != "" {
			keys = append(keys, o.Alias)
		}
	}
	return strings.Join(keys, ", ")
}

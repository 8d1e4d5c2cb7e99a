package geo_test

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/geo"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit/mmdb"
)

// cityOf is a database that says of everybody that they are in one city.
func cityOf(t *testing.T, name string) []byte {
	return mmdb.City(t, map[string]mmdb.Place{"0.0.0.0/0": {Continent: "EU", Country: "DE", City: name, CityID: 1}})
}

func where(d *geo.Databases) string {
	p, _ := d.Place(addr("192.0.2.1"))
	return p.City
}

func started(t *testing.T, city string) (*geo.Databases, told) {
	t.Helper()
	d, log := opened(t, city, "")
	require.NoError(t, d.Start(t.Context()))
	t.Cleanup(d.Stop)
	return d, log
}

const loaded, kept = "database of addresses loaded", "the former one stays in use"

func TestAChangedFileIsRead(t *testing.T) {
	t.Parallel()
	path := write(t, filepath.Join(t.TempDir(), "city.mmdb"), cityOf(t, "Kassel"))
	d, log := started(t, path)
	log.wait(t, loaded)
	require.Equal(t, "Kassel", where(d))

	mmdb.Replace(t, path, cityOf(t, "Fulda"))
	log.wait(t, loaded)
	require.Equal(t, "Fulda", where(d))

	write(t, path, cityOf(t, "Hanau")) // in place
	log.wait(t, loaded)
	require.Equal(t, "Hanau", where(d))
	require.NoError(t, os.Truncate(path, 10)) // whoever maps the file itself dies here
	require.Equal(t, "Hanau", where(d))
	log.wait(t, kept)

	write(t, path, []byte("broken"))
	log.wait(t, kept)
	require.Equal(t, "Hanau", where(d))
	require.True(t, d.State().Places.Loaded())
	require.Contains(t, d.State().Places.Fault, "invalid")

	require.NoError(t, os.Remove(path))
	log.wait(t, kept)
	require.Equal(t, "Hanau", where(d))
	write(t, path, cityOf(t, "Marburg"))
	log.wait(t, loaded)
	require.Equal(t, "Marburg", where(d))
	require.Empty(t, d.State().Places.Fault)
}

func TestAFileThatComesLaterIsRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "b", "city.mmdb")
	d, log := started(t, path)
	log.wait(t, "cannot be read")
	require.Equal(t, idp.DatabaseMissing, d.State().Places.Status)
	write(t, path, cityOf(t, "Kassel"))
	log.wait(t, loaded)
	require.Equal(t, "Kassel", where(d))

	// The directory goes as a whole, and comes again.
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "a")))
	log.wait(t, kept)
	write(t, path, cityOf(t, "Fulda"))
	log.wait(t, loaded)
	require.Equal(t, "Fulda", where(d))
}

func TestLinksAreFollowed(t *testing.T) {
	t.Parallel()
	link := func(t *testing.T, to, name string) {
		t.Helper()
		require.NoError(t, os.Symlink(to, name+".new"))
		require.NoError(t, os.Rename(name+".new", name))
	}
	t.Run("as mounted volumes are swapped", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		write(t, filepath.Join(dir, "..v1", "city.mmdb"), cityOf(t, "Kassel"))
		link(t, "..v1", filepath.Join(dir, "..data"))
		link(t, filepath.Join("..data", "city.mmdb"), filepath.Join(dir, "city.mmdb"))
		d, log := started(t, filepath.Join(dir, "city.mmdb"))
		log.wait(t, loaded)
		write(t, filepath.Join(dir, "..v2", "city.mmdb"), cityOf(t, "Fulda"))
		link(t, "..v2", filepath.Join(dir, "..data"))
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "..v1")))
		log.wait(t, loaded)
		require.Equal(t, "Fulda", where(d))
	})
	t.Run("to a file elsewhere", func(t *testing.T) {
		t.Parallel()
		here, there := t.TempDir(), t.TempDir()
		target := write(t, filepath.Join(there, "GeoLite2-City.mmdb"), cityOf(t, "Kassel"))
		link(t, target, filepath.Join(here, "city.mmdb"))
		d, log := started(t, filepath.Join(here, "city.mmdb"))
		log.wait(t, loaded)
		mmdb.Replace(t, target, cityOf(t, "Fulda"))
		log.wait(t, loaded)
		require.Equal(t, "Fulda", where(d))
	})
	t.Run("on the way", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		write(t, filepath.Join(dir, "v1", "deep", "city.mmdb"), cityOf(t, "Kassel"))
		write(t, filepath.Join(dir, "v2", "deep", "city.mmdb"), cityOf(t, "Fulda"))
		link(t, "v1", filepath.Join(dir, "now"))
		d, log := started(t, filepath.Join(dir, "now", "deep", "city.mmdb"))
		log.wait(t, loaded)
		link(t, filepath.Join(dir, "v2"), filepath.Join(dir, "now"))
		log.wait(t, loaded)
		require.Equal(t, "Fulda", where(d))
	})
	t.Run("in a circle", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		link(t, "b", filepath.Join(dir, "a"))
		link(t, "a", filepath.Join(dir, "b"))
		d, log := started(t, filepath.Join(dir, "a"))
		log.wait(t, "cannot be read")
		require.False(t, d.State().Places.Loaded())
	})
}

// While files are replaced, everybody who looks finds one edition or the other.
func TestLookingUpWhileFilesAreReplaced(t *testing.T) {
	t.Parallel()
	path := write(t, filepath.Join(t.TempDir(), "city.mmdb"), cityOf(t, "Kassel"))
	d, log := started(t, path)
	log.wait(t, loaded)
	var stop atomic.Bool
	var g sync.WaitGroup
	for range 4 {
		g.Go(func() {
			for !stop.Load() {
				switch got := where(d); got {
				case "Kassel", "Fulda":
				default:
					t.Errorf("found %q", got)
					return
				}
				_ = d.State()
			}
		})
	}
	for range 3 {
		mmdb.Replace(t, path, cityOf(t, "Fulda"))
		log.wait(t, loaded)
		mmdb.Replace(t, path, cityOf(t, "Kassel"))
		log.wait(t, loaded)
	}
	stop.Store(true)
	g.Wait()
}

func TestStartAndStop(t *testing.T) {
	t.Parallel()
	d, _ := opened(t, "", "")
	require.NoError(t, d.Start(t.Context()))
	d.Stop()
	d, _ = opened(t, write(t, filepath.Join(t.TempDir(), "city.mmdb"), cityOf(t, "Kassel")), "")
	require.NoError(t, d.Start(t.Context()))
	require.NoError(t, d.Start(t.Context()))
	d.Stop()
	d.Stop()
	require.Equal(t, "Kassel", where(d))
}

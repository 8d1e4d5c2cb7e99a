// Package geo reads databases of addresses in MaxMind's format: where an address
// is (GeoLite2-City) and whose network it belongs to (GeoLite2-ASN). It follows
// the files while the server runs.
//
// It must not know what places and networks are used for.
//
// What it costs: each file is copied once into a temporary file without a name,
// which is mapped into memory. So the copy takes disk (or memory where the
// directory for temporary files is kept in memory) as large as the file, about
// 60 MB for places and 10 MB for networks; of that, only what is looked up
// becomes resident, as cache that the system may take back, and nothing of it is
// on the heap. The file itself is not mapped: whoever writes over a mapped file
// kills the process that reads it. Where no temporary file can be made, the
// copy is kept on the heap.
package geo

package factor

import (
	"fmt"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is the empty frame that readers need around a QR code, in modules (ISO/IEC
// 18004, section 9.1).
const quiet = 4

// QR draws a text as a QR code: the path of its dark modules, and the box that path is
// in, in the syntax of SVG. The error is for a text that is too long.
func QR(text string) (path, box string, err error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", "", fmt.Errorf("drawing a QR code: %w", err)
	}
	var b strings.Builder
	size := code.Bounds().Dx()
	for y := range size {
		for x := 0; x < size; x++ {
			from := x
			for x < size && dark(code.At(x, y).RGBA()) {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
			}
		}
	}
	return b.String(), fmt.Sprintf("0 0 %d %d", size+2*quiet, size+2*quiet), nil
}

func dark(r, _, _, _ uint32) bool { return r < 1<<15 }

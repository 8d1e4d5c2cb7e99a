// Command portcullis is the whole product in one binary.
package main

import (
	"os"

	"github.com/portcullis-idp/portcullis/internal/app"
	"github.com/portcullis-idp/portcullis/internal/cli"
)

func main() {
	os.Exit(cli.Run(app.Program(), os.Args[1:], os.Stdout, os.Stderr))
}

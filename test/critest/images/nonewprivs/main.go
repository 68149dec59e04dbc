// Says who it runs as. In the image its file is setuid root: only no_new_privs keeps a container's user from root.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Printf("Effective uid: %d\n", os.Geteuid())
}

package directory

import "hydrant/buffer/failpoint"

// The arrows of a file's life.
var (
	fileWritten = failpoint.New("directory: file written")
	fileNamed   = failpoint.New("directory: file named")
)

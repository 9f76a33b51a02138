package published

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxSource bounds a source before and after decompression. The vendor's
// documents have 4 to 12 MB.
const maxSource = 32 << 20

// ReadFile reads a source from a file and refuses one that is too large before
// it is all in memory.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSource+1))
	return data, errors.Join(err, f.Close())
}

// unpack returns the text of a source, which may be compressed with gzip.
func unpack(name string, source []byte) ([]byte, error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("%s: larger than %d bytes", name, maxSource)
	}
	if !bytes.HasPrefix(source, []byte{0x1f, 0x8b}) {
		return source, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(source))
	if err != nil {
		return nil, fmt.Errorf("%s: not gzip: %w", name, err)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxSource+1))
	if err != nil {
		return nil, fmt.Errorf("%s: gzip: %w", name, err)
	}
	if len(data) > maxSource {
		return nil, fmt.Errorf("%s: larger than %d bytes when unpacked", name, maxSource)
	}
	return data, nil
}

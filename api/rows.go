package api

import (
	"bytes"
	"errors"

	"github.com/certuse/cloudflare-mtls/internal/strictjson"
	"github.com/go-json-experiment/json/jsontext"
)

// rows are the associations; nil if the answer has none or null. Each goes
// through the generated type, but only one at a time: a large answer then needs
// no second list, and a null among the rows is seen, which the generated type
// cannot tell from an association without service and status.
type rows []Association

// rowSize is what an Association needs in memory. Room for the rows is made at
// once, but never more than the body takes itself.
const rowSize = 32

var errNullRow = errors.New("/result holds null instead of an association")

func (r *rows) read(d *strictjson.Decoder) error {
	var next row
	return d.ReadArray(func(rest []byte) {
		*r = make(rows, 0, min(bytes.Count(rest, []byte("{")), len(rest)/rowSize))
	}, func() error {
		if d.PeekKind() == jsontext.KindNull {
			return errNullRow
		}
		next = row{}
		if err := d.Read(&next); err != nil {
			return err
		}
		// Member by member: one that the vendor adds must not break the build.
		*r = append(*r, Association{Service: next.Service, Status: next.Status})
		return nil
	})
}

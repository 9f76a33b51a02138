package api

import (
	"github.com/certuse/cloudflare-mtls/generated"
	"github.com/certuse/cloudflare-mtls/internal/strictjson"
)

// The objects of an answer, of which only the members are read that the client
// uses. One that the vendor adds must not cost an answer, now or after the
// contract names it: the row with a wrong value in it is still a row. Checking
// answers against the whole contract is what package contract does.

type row struct{ generated.Association }

// UnmarshalMember takes precedence over that of the generated type, as below.
func (r *row) UnmarshalMember(d *strictjson.Decoder, name []byte) (known bool, err error) {
	switch string(name) {
	case "service", "status":
		return r.Association.UnmarshalMember(d, name)
	}
	return false, nil
}

type resultInfo struct {
	generated.ResultInfo
	more pageHint
}

func (i *resultInfo) UnmarshalMember(d *strictjson.Decoder, name []byte) (known bool, err error) {
	switch string(name) {
	case "count", "page", "per_page", "total_count", "total_pages":
		return i.ResultInfo.UnmarshalMember(d, name)
	}
	return i.more.read(d, name)
}

// notice is an item of errors or messages.
type notice struct{ generated.ResponseInfo }

func (n *notice) UnmarshalMember(d *strictjson.Decoder, name []byte) (known bool, err error) {
	switch string(name) {
	case "code", "message", "documentation_url":
		return n.ResponseInfo.UnmarshalMember(d, name)
	case "source":
		return true, d.Read(&noticeSource{&n.Source})
	}
	return false, nil
}

type noticeSource struct{ *generated.ResponseInfoSource }

func (s *noticeSource) UnmarshalMember(d *strictjson.Decoder, name []byte) (known bool, err error) {
	if string(name) == "pointer" {
		return s.ResponseInfoSource.UnmarshalMember(d, name)
	}
	return false, nil
}

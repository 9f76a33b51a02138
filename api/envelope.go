package api

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/certuse/cloudflare-mtls/internal/strictjson"
	"github.com/go-json-experiment/json/jsontext"
)

// envelope is an answer as far as it is read, with more detail than the
// generated type: that cannot tell a member that is missing from one that is
// zero, and does not know what else can say that there is more.
type envelope struct {
	success          *bool
	rows             rows
	info             *resultInfo
	errors, messages []notice
	more             pageHint
}

// UnmarshalMember implements [strictjson.Object].
func (e *envelope) UnmarshalMember(d *strictjson.Decoder, name []byte) (known bool, err error) {
	switch string(name) {
	case "success":
		return true, d.Read(&e.success)
	case "result":
		return true, e.rows.read(d)
	case "result_info":
		return true, d.Read(&e.info)
	case "errors":
		return true, strictjson.ReadList(d, &e.errors)
	case "messages":
		return true, strictjson.ReadList(d, &e.messages)
	}
	return e.more.read(d, name)
}

// describeDecoding says what is wrong by place and kind only: the decoder's own
// errors can hold pieces of the body.
func describeDecoding(body []byte, err error) error {
	if err == nil {
		return nil
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return errors.New("the body is empty")
	}
	if errors.Is(err, errNullRow) {
		return errNullRow
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("the body is not valid JSON, at byte %d", syntactic.ByteOffset)
	}
	if misfit, ok := errors.AsType[*strictjson.KindError](err); ok {
		if misfit.Pointer == "" {
			return errors.New("the body is not a JSON object")
		}
		return fmt.Errorf("a %s at %q does not fit the contract", kindName(misfit.Kind), misfit.Pointer)
	}
	return errors.New("the body does not fit the contract")
}

func kindName(k jsontext.Kind) string {
	switch k {
	case jsontext.KindBeginObject:
		return "JSON object"
	case jsontext.KindBeginArray:
		return "JSON array"
	default:
		return "JSON " + k.String()
	}
}

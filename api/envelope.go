package api

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/certuse/cloudflare-mtls/generated"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// envelope is the generated answer with some members read in more detail: the
// generated types cannot tell a member that is missing from one that is zero,
// and do not know the cursors that other operations of the vendor page with.
//
// The decoder is strict: it refuses duplicate names, invalid UTF-8, trailing
// data and wrong types, matches names exactly and bounds the depth. Unknown
// members are skipped, but still checked for all that.
type envelope struct {
	generated.AssociationsResponse
	Success    *bool       `json:"success"`
	Result     rows        `json:"result"`
	ResultInfo *resultInfo `json:"result_info"`
}

// unmarshalEnvelope accepts a code with a zero fraction only in a second run,
// because looking out for it costs time on every value.
func unmarshalEnvelope(body []byte, e *envelope) error {
	err := json.Unmarshal(body, e)
	if err == nil && !startsObject(body) {
		return errors.New("the body is not a JSON object")
	}
	if err == nil {
		return nil
	}
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok && strings.HasSuffix(string(semantic.JSONPointer), "/code") {
		*e = envelope{}
		err = json.Unmarshal(body, e, lenientCodes)
	}
	return describeDecoding(body, err)
}

func startsObject(body []byte) bool {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '{'
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
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		return fmt.Errorf("a %s at %q does not fit the contract", kindName(semantic.JSONKind), semantic.JSONPointer)
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

// lenientCodes accepts 1000.0 for a code: the docs page calls a code a number.
var lenientCodes = json.WithUnmarshalers(json.UnmarshalFromFunc(func(dec *jsontext.Decoder, code *int64) error {
	var f float64
	if err := json.UnmarshalDecode(dec, &f); err != nil {
		return err
	}
	if f != math.Trunc(f) || math.Abs(f) > maxExact {
		return errors.New("a code is not an integer")
	}
	*code = int64(f)
	return nil
}))

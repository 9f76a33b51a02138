package api

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"mime"
	"strings"

	"github.com/certuse/cloudflare-mtls/generated"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// envelope is the generated answer with three members read in more detail: the
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

type resultInfo struct {
	generated.ResultInfo
	Cursor  jsontext.Value `json:"cursor"`
	Cursors jsontext.Value `json:"cursors"`
}

// hasCursor tells whether the answer points to more. Only null, the empty
// string and the empty object do not.
func (i *resultInfo) hasCursor() bool {
	return pointsOn(i.Cursor) || pointsOn(i.Cursors)
}

func pointsOn(v jsontext.Value) bool {
	switch v.Kind() {
	case jsontext.KindInvalid, jsontext.KindNull:
		return false
	case jsontext.KindBeginObject:
		var members map[string]jsontext.Value
		if json.Unmarshal(v, &members) != nil {
			return true
		}
		for _, member := range members {
			if pointsOn(member) {
				return true
			}
		}
		return false
	default:
		return string(v) != `""`
	}
}

// errSuccessFalse marks an answer that is a failure in spite of its status.
var errSuccessFalse = errors.New("the answer says success is false")

// decodeSuccess reads the body of a 2xx answer. Its error is one of
// errSuccessFalse, ErrNoResult, or a description for ErrUnexpectedResponse.
func decodeSuccess(body []byte) (*AssociationList, error) {
	var e envelope
	if err := unmarshalEnvelope(body, &e); err != nil {
		return nil, err
	}
	switch {
	case e.Success == nil:
		return nil, errors.New("the body has no \"success\"")
	case !*e.Success:
		return nil, errSuccessFalse
	case e.Result == nil:
		return nil, ErrNoResult
	}
	list := &AssociationList{Body: body, Associations: e.Result}
	if err := fillInfo(list, e.ResultInfo, body); err != nil {
		return nil, err
	}
	var err error
	if list.Messages, err = notices(e.Messages); err != nil {
		return nil, err
	}
	var failed []Notice
	if failed, err = notices(e.Errors); err != nil {
		return nil, err
	}
	for _, n := range failed {
		list.Errors = append(list.Errors, ErrorDetail{
			Code: n.Code, Message: n.Message, DocumentationURL: n.DocumentationURL, Pointer: n.Pointer,
		})
	}
	return list, nil
}

func notices(infos []generated.ResponseInfo) ([]Notice, error) {
	if len(infos) == 0 {
		return nil, nil
	}
	out := make([]Notice, len(infos))
	for i, info := range infos {
		if int64(int(info.Code)) != info.Code {
			return nil, fmt.Errorf("code %d does not fit this platform's int", info.Code)
		}
		out[i] = Notice{
			Code:             int(info.Code),
			Message:          info.Message,
			DocumentationURL: info.DocumentationURL,
			Pointer:          info.Source.Pointer,
		}
	}
	return out, nil
}

func fillInfo(list *AssociationList, info *resultInfo, body []byte) error {
	if info == nil {
		list.Truncated = isTruncated(len(list.Associations), ResultInfo{}, false)
		return nil
	}
	var err error
	count := func(name string, f float64) int64 {
		n, problem := toCount(name, f, body)
		err = errors.Join(err, problem)
		return n
	}
	list.Info = &ResultInfo{
		Count:      count("count", info.Count),
		Page:       count("page", info.Page),
		PerPage:    count("per_page", info.PerPage),
		TotalCount: count("total_count", info.TotalCount),
		TotalPages: count("total_pages", info.TotalPages),
	}
	list.Truncated = isTruncated(len(list.Associations), *list.Info, info.hasCursor())
	return err
}

// maxExact is the largest integer up to which float64 holds every one.
const maxExact = 1 << 53

func toCount(name string, f float64, body []byte) (int64, error) {
	switch {
	case f != math.Trunc(f):
		return 0, fmt.Errorf("/result_info/%s is not an integer", name)
	case math.Abs(f) > maxExact, math.Abs(f) == maxExact && !isExactly(body, name, f):
		return 0, fmt.Errorf("/result_info/%s is beyond 2^53", name)
	}
	return int64(f), nil
}

// isExactly tells 2^53 from 2^53+1, which are the same float64.
func isExactly(body []byte, name string, f float64) bool {
	var raw struct {
		ResultInfo map[string]jsontext.Value `json:"result_info"`
	}
	if json.Unmarshal(body, &raw) != nil {
		return false
	}
	text := strings.TrimSuffix(string(raw.ResultInfo[name]), ".0")
	return text == fmt.Sprintf("%.0f", f)
}

// unmarshalEnvelope describes what is wrong by place and kind only: the
// decoder's own errors can hold pieces of the body.
func unmarshalEnvelope(body []byte, e *envelope) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return errors.New("the body is empty")
	}
	if body[0] != '{' && bytes.TrimSpace(body)[0] != '{' {
		return errors.New("the body is not a JSON object")
	}
	err := json.Unmarshal(body, e)
	var semantic *json.SemanticError
	if errors.As(err, &semantic) && strings.HasSuffix(string(semantic.JSONPointer), "/code") {
		*e = envelope{}
		err = json.Unmarshal(body, e, lenientCodes)
	}
	var syntactic *jsontext.SyntacticError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errNullRow):
		return errNullRow
	case errors.As(err, &syntactic):
		return fmt.Errorf("the body is not valid JSON, at byte %d", syntactic.ByteOffset)
	case errors.As(err, &semantic):
		return fmt.Errorf("a %s at %s does not fit the contract", semantic.JSONKind, semantic.JSONPointer)
	default:
		return errors.New("the body does not fit the contract")
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

// isJSON accepts application/json and its relatives, in any case and with any
// parameters.
func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return false
	}
	return mediaType == "application/json" || strings.HasSuffix(mediaType, "+json") || mediaType == "text/json"
}

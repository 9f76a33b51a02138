package api

import (
	"errors"
	"fmt"
	"mime"
	"strings"

	"github.com/certuse/cloudflare-mtls/internal/strictjson"
)

// errSuccessFalse marks an answer that is a failure in spite of its status.
var errSuccessFalse = errors.New("the answer says success is false")

// decodeSuccess reads the body of a 2xx answer. Its error is one of
// errSuccessFalse, ErrNoResult, or a description for ErrUnexpectedResponse.
func decodeSuccess(body []byte) (*AssociationList, error) {
	var e envelope
	if err := strictjson.Unmarshal(body, &e); err != nil {
		return nil, describeDecoding(body, err)
	}
	switch {
	case e.success == nil:
		return nil, errors.New("the body has no \"success\"")
	case !*e.success:
		return nil, errSuccessFalse
	case e.rows == nil:
		return nil, ErrNoResult
	}
	list := &AssociationList{Body: body, Associations: e.rows}
	if err := fillInfo(list, e.info, e.more); err != nil {
		return nil, err
	}
	var err error
	if list.Messages, err = notices(e.messages); err != nil {
		return nil, err
	}
	var failed []Notice
	if failed, err = notices(e.errors); err != nil {
		return nil, err
	}
	for _, n := range failed {
		list.Errors = append(list.Errors, ErrorDetail{
			Code: n.Code, Message: n.Message, DocumentationURL: n.DocumentationURL, Pointer: n.Pointer,
		})
	}
	return list, nil
}

func notices(infos []notice) ([]Notice, error) {
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

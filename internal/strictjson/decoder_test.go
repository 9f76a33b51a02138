package strictjson_test

import (
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/certuse/cloudflare-mtls/generated"
	"github.com/certuse/cloudflare-mtls/internal/strictjson"
)

// texts are valid and invalid responses.
var texts = []string{
	`{}`, ` {"success" : true , "result":[ ] } `, `{"success":false,"errors":[{"code":7003,"message":"m","source":{"pointer":"/p"}}],"messages":[]}`,
	`{"success":true,"result":[{"service":"gateway","status":"active"},{"status":"active"},{},null]}`,
	`{"result_info":{"count":1,"page":1.0,"per_page":2e1,"total_count":2000,"total_pages":100}}`,
	`{"success":null,"result":null,"errors":null,"result_info":null}`, `{"result_info":{"count":null}}`,
	`{"r\u0065sult":[{"s\u0065rvice":"\u00e9\n"}]}`, `{"Success":true,"RESULT":[]}`, `{"x":{"a":[1,{"b":null}]},"y":"z"}`,
	`{"errors":[{"code":1e3}]}`, `{"errors":[{"code":1.5}]}`, `{"errors":[{"code":"1"}]}`, `{"errors":[{"code":9223372036854775808}]}`,
	`{"result_info":{"count":1e400}}`, `{"result_info":{"count":"1"}}`, `{"result_info":[]}`, `{"result":{}}`, `{"result":[1]}`,
	`{"result":[{"service":1}]}`, `{"result":[{"service":true}]}`, `{"result":[{"service":{}}]}`, `{"success":"true"}`, `{"success":1}`,
	`{"result":[],"result":[]}`, `{"result":[],"r\u0065sult":[]}`, `{"x":{"a":1,"a":2}}`, `{"x":1,"x":2}`,
	`{"x":"` + "\xff" + `"}`, `{"result":[{"service":"` + "\xff" + `"}]}`, `{"result":[{"service":"\ud800"}]}`, `{"` + "\xff" + `":1}`,
	`{"x":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + `}`,
	``, ` `, `null`, `true`, `1`, `"x"`, `[]`, `[1,`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{1:2}`, `{"result":[`, `{"result":[,]}`, `{"result":[{}`,
	`{"errors":[{"code":"1"}],"success":"x"}`, `{"messages":5,"result":[{"service":1}]}`, `{"errors":[{"code":"1"}],`,
	`{}{}`, `{} x`, `{}]`, `{},`, `nul`, `{"success":tru}`, `{"success":truex}`, `{"result":[{"service":"a"}}`, "\ufeff{}",
}

// unmarshal calls Unmarshal. If it skipped values, the first of them is the error.
func unmarshal(text []byte, v strictjson.Object) error {
	misfits, err := strictjson.Unmarshal(text, v, nil)
	if err == nil && len(misfits) > 0 {
		return misfits[0]
	}
	return err
}

// sameAsReflection compares Unmarshal with decoding by reflection. Reflection is
// stricter about integers with a fraction or an exponent, and accepts null as the whole
// text and as an item of a list.
func sameAsReflection[T any, P interface {
	*T
	strictjson.Object
}](t *testing.T, text string) {
	t.Helper()
	var got, want T
	err, wantErr := unmarshal([]byte(text), P(&got)), json.Unmarshal([]byte(text), &want)
	semantic, isSemantic := errors.AsType[*json.SemanticError](wantErr)
	switch {
	case strings.TrimSpace(text) == "null":
		wantErr = errors.ErrUnsupported
	case isSemantic && semantic.JSONKind == jsontext.KindNumber && semantic.GoType.Kind() == reflect.Int64:
		return
	}
	kind, isKind := errors.AsType[*strictjson.KindError](err)
	misfits, _ := strictjson.Unmarshal([]byte(text), P(new(T)), nil)
	if len(misfits) > 0 {
		kind = misfits[0] // reflection stops at the first misfit
	}
	if kind != nil && kind.Kind == jsontext.KindNull {
		return // as an item of a list, where reflection makes a zero item
	}
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%.60q: %v, by reflection %v", text, err, wantErr)
	}
	if err == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("%.60q: got %+v, by reflection %+v", text, got, want)
	}
	_, isSyntax := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case err == nil, isSyntax, errors.Is(err, io.EOF) && strings.TrimSpace(text) == "":
	case !isKind:
		t.Errorf("%.60q: an error of type %T: %v", text, err, err)
	case isSemantic && (kind.Pointer != semantic.JSONPointer || kind.Kind != semantic.JSONKind):
		t.Errorf("%.60q: %v, by reflection %v", text, err, wantErr)
	}
}

func TestUnmarshalEqualsReflection(t *testing.T) {
	t.Parallel()
	for _, text := range texts {
		sameAsReflection[generated.AssociationsResponse](t, text)
		sameAsReflection[generated.FailureResponse](t, text)
		sameAsReflection[generated.Certificate](t, text)
	}
}

func FuzzReadsWhatReflectionReads(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sameAsReflection[generated.AssociationsResponse](t, text)
		sameAsReflection[generated.FailureResponse](t, text)
	})
}

func TestIntegersAreReadInAnySpelling(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]int64{"1e3": 1000, "1000.0": 1000, "9223372036854775807": math.MaxInt64} {
		var r generated.AssociationsResponse
		if err := unmarshal([]byte(`{"errors":[{"code":`+number+`}]}`), &r); err != nil || r.Errors[0].Code != want {
			t.Errorf("%s: got %+v, %v", number, r, err)
		}
	}
}

func TestErrorsNameThePlaceAndNotTheValue(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t"
	for text, want := range map[string]string{
		`{"result":[{},{"service":["` + secret + `"]}]}`: `a JSON [ at "/result/1/service" does not fit`,
		`{"errors":[{"code":"` + secret + `"}]}`:         `a JSON string at "/errors/0/code" does not fit`,
		`{"success":"` + secret + `"}`:                   `a JSON string at "/success" does not fit`,
		`["` + secret + `"]`:                             `a JSON [ at "" does not fit`,
	} {
		var r generated.AssociationsResponse
		if err := unmarshal([]byte(text), &r); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// A value that was skipped in one text must not clear a list that ends at the same
// offset of the next text.
func TestReusedDecodersForgetSkippedValues(t *testing.T) {
	t.Parallel()
	for range 100 {
		var skipped, read part
		misfits, err := strictjson.Unmarshal([]byte(`{"flag":"123"}`), &skipped, nil)
		if err != nil || len(misfits) != 1 {
			t.Fatalf("%d misfits, %v, want one", len(misfits), err)
		}
		if err := unmarshal([]byte(`{"grid":[[1]]}`), &read); err != nil || len(read.Grid) != 1 {
			t.Fatalf("got %+v, %v", read, err)
		}
	}
}

// Nothing of one text may show in the next when a decoder is reused, even after an
// error.
func TestReusedDecodersDoNotMixTexts(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 50 {
				name := strings.Repeat("x", 2*i+1) // the last ones are longer than maxShared
				text := []byte(`{"success":true,"result":[{"service":"` + name + `","status":"a"},{"service":"` + name + `"}]}`)
				var r, broken generated.AssociationsResponse
				if err := unmarshal(text, &r); err != nil {
					t.Error(err)
				}
				if unmarshal(text[:len(text)-i%20-1], &broken) == nil {
					t.Errorf("a text without its last %d bytes was accepted", i%20+1)
				}
				clear(text)
				if len(r.Result) != 2 || r.Result[0].Service != name || r.Result[0].Status != "a" || r.Result[1].Service != name || !r.Success {
					t.Errorf("got %+v", r)
				}
			}
		})
	}
	wg.Wait()
}

package api

import (
	"encoding/json"
	"math"
	"time"
)

// errorJSON is the form of an error in JSON.
type errorJSON struct {
	Error      string        `json:"error"`
	StatusCode int           `json:"status_code,omitzero"`
	Details    []ErrorDetail `json:"errors,omitempty"`
	Messages   []Notice      `json:"messages,omitempty"`
	RayID      string        `json:"ray_id,omitempty"`
	RetryAfter float64       `json:"retry_after_seconds,omitzero"`
	Attempts   int           `json:"attempts"`
}

// MarshalJSON gives the text of the error together with its exported fields;
// RetryAfter is in seconds. What is not known is left out.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(errorJSON{e.Error(), e.StatusCode, e.Details, e.Messages, e.RayID, e.RetryAfter.Seconds(), e.Attempts})
}

// UnmarshalJSON replaces the whole error by the text and the exported fields that
// [Error.MarshalJSON] gave. Causes are not part of that: of the sentinels,
// [errors.Is] then matches the one that follows from StatusCode and Details.
func (e *Error) UnmarshalJSON(text []byte) error {
	*e = Error{}
	var read errorJSON
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	*e = Error{
		StatusCode: read.StatusCode, Details: read.Details, Messages: read.Messages, RayID: read.RayID,
		Attempts: read.Attempts, text: read.Error,
	}
	// What does not fit a Duration is the longest one: asking too late is safe.
	e.RetryAfter = time.Duration(math.MaxInt64)
	if wait := read.RetryAfter * float64(time.Second); wait < math.MaxInt64 {
		e.RetryAfter = time.Duration(math.Round(max(wait, 0)))
	}
	return nil
}

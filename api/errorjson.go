package api

import "encoding/json"

// MarshalJSON gives the text of the error together with its exported fields;
// RetryAfter is in seconds. What is not known is left out.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Error      string        `json:"error"`
		StatusCode int           `json:"status_code,omitzero"`
		Details    []ErrorDetail `json:"errors,omitempty"`
		Messages   []Notice      `json:"messages,omitempty"`
		RayID      string        `json:"ray_id,omitempty"`
		RetryAfter float64       `json:"retry_after_seconds,omitzero"`
		Attempts   int           `json:"attempts"`
	}{e.Error(), e.StatusCode, e.Details, e.Messages, e.RayID, e.RetryAfter.Seconds(), e.Attempts})
}

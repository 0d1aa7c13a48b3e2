package metric

// What an event store that can't answer may say, as a TroubleError.
const (
	Damaged  = "The file of the event store is damaged, and this is counted from it. The archive and the queue have the events: on the server, type: footfall rebuild"
	NoMemory = "This takes more memory than the event store may have. Choose a shorter period or fewer filters, or start the server with more --store-memory."
	Mending  = "The event store is being opened anew after an error in it. Try again in a moment."
)

// TroubleError tells that nobody can have some figures now, and why: Why is for people,
// and says what to do.
type TroubleError struct {
	Why string
	Err error // what it comes from; nil if Why is all
}

func (e *TroubleError) Error() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	return e.Why
}

func (e *TroubleError) Unwrap() error { return e.Err }

namespace Ote.Bench;

/// <summary>A benchmark that could not be carried out; the message names the thing, the cause and the next step.</summary>
internal sealed class BenchException(string message, Exception? inner = null) : Exception(message, inner);

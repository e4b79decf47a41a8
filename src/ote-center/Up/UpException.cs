namespace Ote.Center.Up;

/// <summary><c>up</c> cannot do as asked: one line for the person who asked, naming the thing, the cause and the next step.</summary>
internal sealed class UpException(string message, Exception? inner = null) : Exception(message, inner);

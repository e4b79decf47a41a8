namespace Ote.Tests.Ctl;

/// <summary>A writer that tells when something was written to it, so that a test can wait for what a person would see.</summary>
internal sealed class HeardWriter : StringWriter
{
    private readonly List<(string Text, TaskCompletionSource Said)> _awaited = [];

    /// <summary>Completes once the text was written.</summary>
    public Task WhenSays(string text)
    {
        lock (_awaited)
        {
            var said = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _awaited.Add((text, said));
            Check();
            return said.Task;
        }
    }

    public override void Write(string? value)
    {
        lock (_awaited)
        {
            base.Write(value);
            Check();
        }
    }

    private void Check()
    {
        var all = ToString();
        foreach (var (text, said) in _awaited)
        {
            if (all.Contains(text, StringComparison.Ordinal))
            {
                said.TrySetResult();
            }
        }
    }
}

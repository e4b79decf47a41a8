using Ote.Testing.Simulation;

namespace Ote.Testing.NodeCuts;

/// <summary>What happened, in order: the last of it for who wants to know how it came to a failure, all of it in the fingerprint. One thread.</summary>
/// <param name="timeline">Virtual time.</param>
/// <param name="to">Where each line goes as well; null: nowhere.</param>
internal sealed class CutStory(Timeline timeline, TextWriter? to)
{
    private const int Kept = 60;
    private readonly Queue<string> _last = new();

    /// <summary>What must never be and was, with what came before it; null: nothing.</summary>
    public string? Violation { get; private set; }

    /// <summary>The last lines, the oldest first.</summary>
    public string Last => string.Join('\n', _last);

    /// <summary>Something happened.</summary>
    public void Tell(string line)
    {
        var whole = $"{timeline.Elapsed:hh\\:mm\\:ss\\.fff} {line}";
        to?.WriteLine(whole);
        _last.Enqueue(whole);
        if (_last.Count > Kept)
        {
            _last.Dequeue();
        }

        foreach (var letter in line)
        {
            timeline.Note(letter);
        }
    }

    /// <summary>Something was that must never be. The first counts.</summary>
    public void Violate(string what)
    {
        Tell("VIOLATED: " + what);
        Violation ??= $"{timeline.Elapsed:hh\\:mm\\:ss\\.fff}: {what}\n{Last}";
    }
}

namespace Ote.Tests.Fuzz;

/// <summary>Feeds a target. What leads to something new joins those that others are made of.</summary>
internal sealed class FuzzRun(IFuzzTarget target, Corpus corpus)
{
    private const int MostKnown = 5000;

    /// <summary>An input is of some kilobytes: what takes more than this multiplies what a stranger sends.</summary>
    private const long MostBytes = 256 * 1024 * 1024;
    private static readonly TimeSpan longest = TimeSpan.FromSeconds(20);
    private readonly List<byte[]> pool = [];
    private readonly Dictionary<string, byte[]> shortest = new(StringComparer.Ordinal);
    private HashSet<string> kept = [];

    /// <summary>How many different ends there were.</summary>
    public int Ends => shortest.Count;

    /// <summary>First all that is kept, then new ones.</summary>
    /// <param name="inputs">How many new ones.</param>
    /// <param name="seed">Of what is random.</param>
    /// <exception cref="FuzzException">An input that the target did not stand.</exception>
    public void Run(int inputs, int seed)
    {
        Mutator mutator = new(seed);
        foreach (byte[] input in target.Seeds.Concat(corpus.Load()))
        {
            Try(input);
            pool.Add(input);
        }

        kept = [.. shortest.Keys];
        for (int i = 0; i < inputs; i++) Try(mutator.Change(mutator.One(pool), mutator.One(pool)));
    }

    /// <summary>Keeps the shortest input of each end that nothing kept led to.</summary>
    public void Keep() => corpus.Add(shortest.Where(end => !kept.Contains(end.Key)).Select(end => end.Value));

    private void Try(byte[] input)
    {
        string end;
        long began = TimeProvider.System.GetTimestamp();
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            end = target.Try(input);
            long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            if (bytes > MostBytes) throw new InsufficientMemoryException($"{bytes} bytes of memory for {input.Length} of input");
            TimeSpan took = TimeProvider.System.GetElapsedTime(began);
            if (took > longest) throw new TimeoutException($"{took} for {input.Length} bytes of input");
        }
#pragma warning disable CA1031 // Whatever comes through is what is looked for.
        catch (Exception defect)
#pragma warning restore CA1031
        {
            throw new FuzzException(input, defect);
        }

        if (!shortest.TryGetValue(end, out byte[]? known) && shortest.Count < MostKnown)
        {
            shortest[end] = input;
            pool.Add(input);
        }
        else if (known is not null && input.Length < known.Length)
        {
            shortest[end] = input;
        }
    }
}

/// <summary>An input that a target did not stand.</summary>
internal sealed class FuzzException(byte[] input, Exception defect)
    : Exception($"{defect.GetType().Name}: {defect.Message}\nby {Convert.ToHexStringLower(input)}\nAdd that line to the target's file in tests/Ote.Tests/Fuzz/Corpus, so that it stays mended.", defect);

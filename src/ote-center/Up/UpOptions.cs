namespace Ote.Center.Up;

/// <summary>What was asked of <c>up</c>.</summary>
internal sealed record UpOptions
{
    /// <summary>Embedded leaf clusters; null: those of the data directory's tree, else four.</summary>
    public int? Clusters { get; init; }

    /// <summary>Real clusters to put at leaves, beside those of the data directory's tree: name and kubeconfig file.</summary>
    public IReadOnlyList<(string Name, string Kubeconfig)> Real { get; init; } = [];

    /// <summary>Where everything is kept; null: a temporary directory, removed at the end.</summary>
    public string? Data { get; init; }

    /// <summary>Port of the root's API on loopback; 0 lets the system choose.</summary>
    public int ApiPort { get; init; }

    /// <summary>End when the job has.</summary>
    public bool Exit { get; init; }

    /// <summary>Print one JSON object as the last line of standard output and nothing else there.</summary>
    public bool Json { get; init; }

    /// <summary>Show the logs of all parts on standard error.</summary>
    public bool Verbose { get; init; }
}

namespace Ote.Testing.Links;

/// <summary>What goes wrong in one direction of an in-memory link; may be changed while it runs.</summary>
public sealed class LinkFaults
{
    /// <summary>Share of packets that vanish, 0 to 1.</summary>
    public double Drop { get; set; }

    /// <summary>Share of packets that come twice, 0 to 1.</summary>
    public double Duplicate { get; set; }

    /// <summary>Share of packets that are overtaken by the next one, 0 to 1.</summary>
    public double Reorder { get; set; }

    /// <summary>How long each packet travels.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Nothing arrives any more, and nobody is told: one direction of a half-open link.</summary>
    public bool Silent { get; set; }
}

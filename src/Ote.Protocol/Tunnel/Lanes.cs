namespace Ote.Protocol.Tunnel;

/// <summary>The lanes as array indices and metric labels: 0 is control, the most urgent.</summary>
public static class Lanes
{
    /// <summary>How many lanes there are.</summary>
    public const int Count = 5;

    private static readonly string[] Names = ["control", "commands", "work", "reports", "bulk"];

    /// <summary>Index of a lane, 0 to <see cref="Count"/> - 1.</summary>
    /// <exception cref="ProtocolViolation">The lane is none of the known ones.</exception>
    public static int Index(Lane lane) =>
        lane is >= Lane.Control and <= Lane.Bulk
            ? (int)lane - 1
            : throw new ProtocolViolation(ViolationReason.UnknownLane, $"lane {(int)lane} is not one of 1 to {Count}");

    /// <summary>The lane at an index.</summary>
    public static Lane At(int index) => (Lane)(index + 1);

    /// <summary>The label of the lane at an index.</summary>
    public static string Name(int index) => Names[index];
}

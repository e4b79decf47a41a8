namespace Ote.Tests.Fuzz;

/// <summary>Something that reads bytes of a stranger.</summary>
internal interface IFuzzTarget
{
    /// <summary>Inputs that are as they should be; all others grow from these and from the kept ones.</summary>
    IEnumerable<byte[]> Seeds { get; }

    /// <summary>
    /// Reads one input as the product does, from a fresh state. What the product turns into an end of the link, or a refusal, is a result; whatever else it
    /// throws is a defect and goes through.
    /// </summary>
    /// <returns>What came of it, in few words: inputs that lead to something new are grown from.</returns>
    string Try(byte[] input);
}

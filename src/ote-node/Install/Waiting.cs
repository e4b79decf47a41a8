using System.Globalization;

namespace Ote.Node.Install;

/// <summary>Says that something is being waited for, once that takes longer than anybody waits in silence.</summary>
/// <param name="what">What for.</param>
/// <param name="say">Told of it.</param>
internal sealed class Waiting(string what, Action<string> say)
{
    private static readonly TimeSpan Silent = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);
    private TimeSpan _next = Silent;

    /// <summary>Says so where it is time for it.</summary>
    /// <param name="passed">Since it began.</param>
    public void Look(TimeSpan passed)
    {
        if (passed >= _next)
        {
            say(string.Create(CultureInfo.InvariantCulture, $"waiting for {what} ... {passed.TotalSeconds:0} s"));
            _next = passed + Every;
        }
    }
}

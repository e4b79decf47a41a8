namespace Ote.Flow;

/// <summary>Marks an exception whose message is one line for the operator: it names the thing, the cause and the next step. An executable shows it without a stack.</summary>
public interface IForOperator;

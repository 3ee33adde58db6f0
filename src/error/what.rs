//! What an error speaks of, and its name in the text of one.

use core::fmt;

/// The thing an [`Error`](super::Error) speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum What {
    /// m, the number of inputs of one example.
    Inputs,
    /// h, the number of hidden units.
    Hidden,
    /// C, the number of classes.
    Classes,
    /// n, the number of examples.
    Examples,
    /// A matrix view.
    Matrix,
    /// B of a product C = A B.
    Factor,
    /// C of a product C = A B.
    Product,
    /// W1, h × m.
    W1,
    /// b1, h.
    B1,
    /// W2, C × h.
    W2,
    /// b2, C.
    B2,
    /// All parameters as one flat slice `[W1, b1, W2, b2]`.
    Params,
    /// The examples X, n × m, or one example x, m.
    X,
    /// The offsets of sparse rows, n + 1.
    Offsets,
    /// The indices of the entries of sparse rows.
    Indices,
    /// The values of the entries of sparse rows.
    Values,
    /// The inputs that occur in sparse rows.
    UsedInputs,
    /// The positions of inputs among those that occur, m.
    Positions,
    /// The labels y, one for each example.
    Labels,
    /// The pre-activations z, h.
    PreActivations,
    /// The hidden activations a, h.
    Activations,
    /// The scores F, n × C, or f, C.
    Scores,
    /// The probabilities, n × C, or p, C.
    Probabilities,
    /// The logarithms of the probabilities, n × C.
    LogProbabilities,
    /// The predicted classes, n.
    Predictions,
    /// The losses of the single examples, n.
    Losses,
    /// The norms of the gradients of the single examples, n.
    GradNorms,
    /// The gradients of the single examples, n × the number of parameters.
    ExampleGradients,
    /// The sum of the squares of single examples' gradients.
    SecondMoment,
    /// The inner products of single examples' gradients, n × n.
    Gram,
    /// The gradients of the scores, one after the other.
    ScoreGradients,
    /// g = dL/df, C.
    ScoreGradient,
    /// d = dL/dz, h.
    HiddenGradient,
    /// The gradient of the parameters, whole or one of its blocks.
    Gradient,
    /// The gradient of the inputs, n × m, or m.
    InputGradient,
    /// The second derivatives of the single losses in a direction, n.
    Curvatures,
    /// The product of a matrix of second derivatives and a direction.
    CurvatureProduct,
    /// The traces of those of the single losses, n.
    Traces,
    /// A Kronecker factor.
    KroneckerFactor,
    /// The derivative of a, f or g along a direction.
    Tangent,
    /// A matrix of second derivatives, or the diagonal of one.
    Hessian,
    /// The point at which a gradient is checked.
    Point,
    /// The named blocks of a point.
    Blocks,
    /// The direction v of a Jacobian-vector product.
    Direction,
    /// A Jacobian-vector product J v.
    Jvp,
    /// The weights w of a vector-Jacobian product.
    Weights,
    /// A Jacobian, outputs x inputs.
    Jacobian,
    /// The outputs of a vector field.
    Outputs,
    /// The slopes that are measured.
    Slopes,
    /// The error bars of the slopes that are measured.
    SlopeErrors,
    /// The largest relative error of a claim that is accepted.
    Tolerance,
    /// The resolution that is required of a probe.
    Resolution,
    /// The budget of evaluations of a check.
    Evaluations,
    /// The caller's scratch.
    Scratch,
    /// The targets q, n × C.
    Targets,
    /// How far from 1 the sum of an example's target may be.
    TargetSumTolerance,
    /// The weights of the examples, n.
    ExampleWeights,
    /// The weights of the classes, C.
    ClassWeights,
    /// The label smoothing ε.
    Smoothing,
    /// The caller's divisor N of the losses.
    Divisor,
    /// The factors of the squares of W1 and W2.
    L2,
    /// The largest norm of an example's gradient.
    Clip,
    /// The shards of a sum over examples.
    Shards,
    /// The ranks that have shards.
    Ranks,
    /// A vector of a sum.
    Terms,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            What::Inputs => "inputs (m)",
            What::Hidden => "hidden units (h)",
            What::Classes => "classes (C)",
            What::Examples => "examples (n)",
            What::Matrix => "matrix",
            What::Factor => "right factor of a product",
            What::Product => "product",
            What::W1 => "W1",
            What::B1 => "b1",
            What::W2 => "W2",
            What::B2 => "b2",
            What::Params => "flat parameters",
            What::X => "inputs x",
            What::Offsets => "offsets of sparse rows",
            What::Indices => "indices of sparse rows",
            What::Values => "values of sparse rows",
            What::UsedInputs => "inputs that occur",
            What::Positions => "positions of inputs",
            What::Labels => "labels",
            What::PreActivations => "pre-activations z",
            What::Activations => "activations a",
            What::Scores => "scores",
            What::Probabilities => "probabilities",
            What::LogProbabilities => "log probabilities",
            What::Predictions => "predictions",
            What::Losses => "losses",
            What::GradNorms => "gradient norms",
            What::ExampleGradients => "gradients of single examples",
            What::SecondMoment => "second moment",
            What::Gram => "Gram matrix",
            What::ScoreGradients => "gradients of the scores",
            What::ScoreGradient => "score gradient g",
            What::HiddenGradient => "hidden gradient d",
            What::Gradient => "gradient",
            What::InputGradient => "input gradient",
            What::Curvatures => "second derivatives of single losses",
            What::CurvatureProduct => "product with second derivatives",
            What::Traces => "traces of second derivatives",
            What::KroneckerFactor => "Kronecker factor",
            What::Tangent => "tangent",
            What::Hessian => "second derivatives",
            What::Point => "point",
            What::Blocks => "blocks of a point",
            What::Direction => "direction v",
            What::Jvp => "Jacobian-vector product",
            What::Weights => "weights w",
            What::Jacobian => "Jacobian",
            What::Outputs => "outputs of the field",
            What::Slopes => "slopes",
            What::SlopeErrors => "errors of the slopes",
            What::Tolerance => "tolerance",
            What::Resolution => "required resolution",
            What::Evaluations => "evaluations",
            What::Scratch => "scratch",
            What::Targets => "targets",
            What::TargetSumTolerance => "tolerance of the sums of targets",
            What::ExampleWeights => "example weights",
            What::ClassWeights => "class weights",
            What::Smoothing => "label smoothing",
            What::Divisor => "divisor N",
            What::L2 => "L2 factors",
            What::Clip => "clipping norm",
            What::Shards => "shards",
            What::Ranks => "ranks",
            What::Terms => "vector of a sum",
        })
    }
}
